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
    """Return the warnings for a mesh that is run at a rate (requests per second; None for its own).

    For a mesh that comes with the package, only those are returned that the additional users cause: the rest is on
    purpose.
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
    """Return the findings of `review` as warnings, each at the line of its key, or of the default that applies.

    What one check finds because of one default, or of one value that aliases repeat, is a single warning. An unreached
    operation is no warning if the same one is reached in another service through an alias.
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
    """The places of findings in a document, or of the defaults that apply there."""

    def __init__(self, loaded: LoadedTopology) -> None:
        self._document = loaded.document
        self._kinds = {service.name: service.kind for service in loaded.topology.services}
        self._ends = {
            f"edges.{edge.caller} -> {edge.callee}": (edge.caller, edge.callee) for edge in loaded.topology.edges
        }

    def of(self, path: str) -> Node:
        """Return the node at a path, its default, the caller of an edge without a block, or the nearest node above."""
        places, nearest = [path], path
        edge, _, policy = path.rpartition(".")
        if edge in self._ends:
            caller, callee = self._ends[edge]
            nearest = edge if self._document.find(edge).path == edge else f"services.{caller}"
            # In the loader's order of precedence.
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
