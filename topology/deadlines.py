"""How long calls are waited for: by their own timeouts, a deadline that travels with requests, or a cancellation.

A deadline is that of one attempt. What travels (`inherit_deadline`) is the time that the caller's own caller has left;
a cancellation (`cancellation`) ends a caller at the moment its own caller gives up on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

import networkx as nx

from meshquake.topology.spec import Edge


def own_limit(edge: Edge) -> float:
    """Return how long the edge's own timeouts let an attempt wait, in seconds; inf if for ever."""
    return min((each for each in (edge.timeout, edge.overall_timeout) if each is not None), default=inf)


@dataclass(frozen=True)
class Deadlines:
    """When requests for operations are given up, in seconds after they were made; inf for never.

    Attributes
    ----------
    passed
        The deadline that a request carries, by node of the operation graph: what the operation's own calls may inherit.
    cancelled
        Likewise, when the operation is told that its caller goes on without it.
    """

    passed: Mapping[str, float]
    cancelled: Mapping[str, float]

    def carried(self, node: str, edge: Edge) -> float:
        """Return the deadline of a call that an operation makes on an edge."""
        return min(own_limit(edge), self.passed[node] if edge.inherit_deadline else inf)

    def of(self, node: str, edge: Edge) -> float:
        """Return when an operation's call on an edge is given up: at its deadline, or when the operation itself is."""
        return min(self.carried(node, edge), self.cancelled[node])


def earliest(operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge]) -> Deadlines:
    """Return the deadlines that operations get from their most impatient callers."""
    return _deadlines(operations, edges, inf, (), min)


def latest(
    operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge], entries: Iterable[str]
) -> Deadlines:
    """Return the deadlines that operations get from their most patient callers; users call `entries`, without any."""
    return _deadlines(operations, edges, 0.0, entries, max)


def _deadlines(
    operations: nx.MultiDiGraph[str],
    edges: Mapping[tuple[str, str], Edge],
    first: float,
    entries: Iterable[str],
    choose: Callable[[float, float], float],
) -> Deadlines:
    """Compute deadlines from the top down; `choose` combines those of two callers, and `first` is the initial value."""
    begin = {node: first if operations.in_degree(node) else inf for node in operations} | dict.fromkeys(entries, inf)
    passed, cancelled = dict(begin), dict(begin)
    found = Deadlines(passed, cancelled)
    for node in nx.topological_sort(operations):
        for _, callee, data in operations.out_edges(node, data=True):
            edge = edges[operations.nodes[node]["service"].name, data["call"].service]
            passed[callee] = choose(passed[callee], found.carried(node, edge))
            cancelled[callee] = choose(cancelled[callee], found.of(node, edge) if edge.cancellation else inf)
    return found
