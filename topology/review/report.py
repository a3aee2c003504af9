"""What is odd about a mesh, as warnings at the lines of its file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from meshquake.topology.document import Node
from meshquake.topology.estimates import expected_visits
from meshquake.topology.loader import LoadedTopology, shipped
from meshquake.topology.naming import parts
from meshquake.topology.problems import Problem
from meshquake.topology.review.checks import Check, checked
from meshquake.topology.review.leftovers import unused
from meshquake.topology.review.reach import unreached
from meshquake.topology.units import counted


def unexpected(loaded: LoadedTopology, played: float | None = None) -> list[Problem]:
    """The warnings of a mesh that is played at a rate (requests a second; its own if that's None).

    Of a mesh that comes with the package, it's what more users than its own would meet: the rest is on purpose.
    """
    mesh, own = loaded.topology, loaded.topology.workload.rate
    at = played or own
    comes_with_us = Path(loaded.document.file).resolve() in {path.resolve() for path in shipped().values()}
    if comes_with_us and at <= own:
        return []
    on_purpose = remarks(loaded) if comes_with_us else []
    odd = remarks(replace(loaded, topology=mesh.at_rate(at)))
    return [each for each in odd if each not in on_purpose]


def remarks(loaded: LoadedTopology) -> list[Problem]:
    """The findings of `review` as warnings, each at the line of its key, or of the default that stands for it.

    What one check finds because of one default, or of one value that aliases repeat, is one warning. An operation that
    no request reaches is none if the same one, in another service, is reached by way of an alias.
    """
    document, mesh = loaded.document, loaded.topology
    places = _Places(loaded)
    names = {service.name for service in mesh.services}
    reached = {
        document.find("services.{}.operations.{}".format(*parts(path, names))).origin
        for path, visits in expected_visits(mesh).items()
        if visits
    }
    found: dict[tuple[Check, str], list[tuple[Node, str, str]]] = defaultdict(list)
    for check, (path, message) in checked(mesh):
        node = places.of(path)
        if check is not unreached or node.origin not in reached:
            found[check, node.path if node.path.startswith("defaults.") else path].append((node, path, message))
    problems = []
    for (node, path, message), *others in found.values():
        line = node.key_line or node.line
        if not document.repeats(node, line, message):
            more = f"; likewise at {counted(len(others), 'other edge')} by the same default" if others else ""
            problems.append(Problem(document.file, line, path, message + more, warning=True))
    for node, message in unused(loaded):
        if not document.repeats(node, node.key_line, message):
            problems.append(Problem(document.file, node.key_line, node.path, message, warning=True))
    return problems


class _Places:
    """Where in a document what is found stands, or the default that stands for it."""

    def __init__(self, loaded: LoadedTopology) -> None:
        self._document = loaded.document
        self._kinds = {service.name: service.kind for service in loaded.topology.services}
        self._ends = {
            f"edges.{edge.caller} -> {edge.callee}": (edge.caller, edge.callee) for edge in loaded.topology.edges
        }

    def of(self, path: str) -> Node:
        """The node at a path, the default for it, the caller of an edge that stands nowhere, or the nearest above."""
        places, nearest = [path], path
        edge, _, policy = path.rpartition(".")
        if edge in self._ends:
            caller, callee = self._ends[edge]
            nearest = edge if self._document.find(edge).path == edge else f"services.{caller}"
            # In order of precedence, as the loader has it.
            layers = [
                ("edges_to", callee),
                ("edges_from", caller),
                ("edges_to", self._kinds[callee]),
                ("edges_from", self._kinds[caller]),
            ]
            places += [f"defaults.{layer}.{name}.{policy}" for layer, name in layers] + [f"defaults.edge.{policy}"]
        nodes = [self._document.find(place) for place in places]
        found = (node for node, place in zip(nodes, places, strict=True) if node.path == place)
        return next(found, self._document.find(nearest))
