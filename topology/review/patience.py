"""How long operations wait for others by their own timeouts and retries."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import networkx as nx

from meshquake.topology.deadlines import own_limit
from meshquake.topology.graph import chain
from meshquake.topology.policies import Retry
from meshquake.topology.spec import Branch, Call, Edge, Group, Sequence, Work


class Patience:
    """The longest time that operations wait for their calls, in seconds, by node.

    Without a timeout, a call is waited for as long as its callee itself waits.
    """

    def __init__(self, operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge]) -> None:
        self._operations = operations
        self._edges = edges
        self._longest: dict[str, float] = {}
        for node in reversed(list(nx.topological_sort(operations))):
            self._longest[node] = self.within(node, inf)

    def __getitem__(self, node: str) -> float:
        return self._longest[node]

    def within(self, node: str, deadline: float) -> float:
        """Return how long an operation waits if its request carries a deadline, which calls may inherit."""
        at = self._operations.nodes[node]
        variants = at["service"].variants(at["operation"])
        return max(self._steps(node, variant.calls, 0.0, deadline) for _, variant in variants)

    def _steps(self, node: str, groups: tuple[Group, ...], start: float, deadline: float) -> float:
        """Return when steps that begin at `start` end."""
        for group in groups:
            start = max((self._branch(node, each, start, deadline) for each in group), default=start)
        return start

    def _branch(self, node: str, each: Branch, start: float, deadline: float) -> float:
        if isinstance(each, Work):
            return start
        if isinstance(each, Sequence):
            return self._steps(node, each.steps, start, deadline)
        return self._calls(node, each, start, deadline)

    def _calls(self, node: str, call: Call, start: float, deadline: float) -> float:
        at = self._operations.nodes[node]
        for link, _ in chain(call):
            if link in at["targets"]:
                edge = self._edges[at["service"].name, link.service]
                wait = longest(edge, self._longest[at["targets"][link]]) * (1 if call.at_once else call.times.most)
                ends = max(start, deadline) if edge.inherit_deadline else inf
                start = min(start + wait, ends)
        return start


def longest(edge: Edge, patience: float) -> float:
    """Return the longest time that a call on an edge may take, if its callee waits for `patience` (seconds)."""
    limit = own_limit(edge)
    attempt = patience if limit == inf else limit
    if edge.retry is not None:
        attempt = attempt * edge.retry.max_attempts + _pauses(edge.retry)
    elif edge.hedge is not None:
        attempt += edge.hedge.delay * (edge.hedge.max_attempts - 1)
    return attempt if edge.overall_timeout is None else min(attempt, edge.overall_timeout)


def _pauses(retry: Retry) -> float:
    """Return the longest total time that a caller may pause between the attempts of one call, in seconds."""
    return sum(min(retry.base * float(2**attempt - 1), retry.maximum) for attempt in range(1, retry.max_attempts))
