"""Refuses connections that are reset towards users: an entry service answers them with an error."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.document import Document, Node
from meshquake.topology.errors import unanswered
from meshquake.topology.graph import name_of
from meshquake.topology.spec import Topology


def refuse_resets(document: Document, topology: Topology) -> None:
    """Report each error that an entry would give its users without an answer."""
    wrong: dict[str, tuple[Node, str]] = {}
    for node, error, entry in (*_by_itself(document, topology), *_in_environment(document, topology)):
        if problem := unanswered(error, entry):
            wrong.setdefault(node.path, (node, problem))
    for node, problem in wrong.values():
        document.error(node, problem)


def _by_itself(document: Document, topology: Topology) -> Iterator[tuple[Node, str, str]]:
    """Yield the error of each entry that fails by itself: where it is written, which it is, and the entry."""
    for entry in dict.fromkeys(topology.workload.mix):
        service = topology.service(entry.service)
        for version in ("", *(each.name for each in service.versions)):
            places = [f"services.{service.name}{part}" for part in (f".versions.{version}", "")]
            for operation in service.operations_of(version):
                if operation.name == entry.operation and operation.error_rate:
                    paths = [f"{place}.operations.{operation.name}.error" for place in places]
                    yield _written(document, paths), operation.error, name_of(entry)


def _in_environment(document: Document, topology: Topology) -> Iterator[tuple[Node, str, str]]:
    """Yield the error that the environment gives each entry service, likewise."""
    entries = {entry.service for entry in topology.workload.mix}
    for name, errors in topology.environment.errors:
        if name in entries and errors.error is not None:
            paths = [f"environment.errors{word}.error" for word in (f".{name}", f".{topology.service(name).kind}", "")]
            yield _written(document, paths), errors.error, name


def _written(document: Document, paths: list[str]) -> Node:
    """Return the node at the first path that there is, or the nearest one above the last."""
    return next((node for path in paths if (node := document.find(path)).path == path), document.find(paths[-1]))
