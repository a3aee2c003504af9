"""For how long a call is waited for: by its own timeouts, by a deadline that travels with requests, or until its caller
is itself given up and hears of it.

A deadline is that of one attempt. What travels (`inherit_deadline`) is the time that the caller's own caller has left;
a cancellation (`cancellation`) ends a caller at the moment at which its own caller gives up on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

import networkx as nx

from meshquake.topology.spec import Edge


def own_limit(edge: Edge) -> float:
    """How long an attempt on an edge is waited for by the edge's own timeouts, in seconds; inf if for ever."""
    return min((each for each in (edge.timeout, edge.overall_timeout) if each is not None), default=inf)


@dataclass(frozen=True)
class Deadlines:
    """When the requests for operations are given up, in seconds after they were made; inf for never.

    Attributes
    ----------
    passed
        By node of the graph of operations, the deadline that its request carries: what its own calls may inherit.
    cancelled
        Likewise, when it's told that its caller goes on without it.
    """

    passed: Mapping[str, float]
    cancelled: Mapping[str, float]

    def carried(self, node: str, edge: Edge) -> float:
        """The deadline of a call that an operation makes on an edge."""
        return min(own_limit(edge), self.passed[node] if edge.inherit_deadline else inf)

    def of(self, node: str, edge: Edge) -> float:
        """When a call that an operation makes on an edge is given up: at its deadline, or as the operation is."""
        return min(self.carried(node, edge), self.cancelled[node])


def earliest(operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge]) -> Deadlines:
    """The deadlines that operations get from their most impatient callers."""
    return _deadlines(operations, edges, inf, (), min)


def latest(
    operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge], entries: Iterable[str]
) -> Deadlines:
    """The deadlines that operations get from their most patient callers; users, who call `entries`, are the most."""
    return _deadlines(operations, edges, 0.0, entries, max)


def _deadlines(
    operations: nx.MultiDiGraph[str],
    edges: Mapping[tuple[str, str], Edge],
    first: float,
    entries: Iterable[str],
    choose: Callable[[float, float], float],
) -> Deadlines:
    """Deadlines from the top down; `choose` makes one of those of two callers, `first` is what it starts with."""
    begin = {node: first if operations.in_degree(node) else inf for node in operations} | dict.fromkeys(entries, inf)
    passed, cancelled = dict(begin), dict(begin)
    found = Deadlines(passed, cancelled)
    for node in nx.topological_sort(operations):
        for _, callee, data in operations.out_edges(node, data=True):
            edge = edges[operations.nodes[node]["service"].name, data["call"].service]
            passed[callee] = choose(passed[callee], found.carried(node, edge))
            cancelled[callee] = choose(cancelled[callee], found.of(node, edge) if edge.cancellation else inf)
    return found
