"""How often operations fail in a healthy mesh: by their own error rates, and those of what they call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from meshquake.topology.spec import Branch, Call, Edge, Group, Link, Operation, Sequence, Work


@dataclass(frozen=True)
class _Failing:
    """The shares of an operation's requests that fail by themselves, with their error, and because of dependencies."""

    own: float
    error: str
    dependent: float


def failures(operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge]) -> dict[str, float]:
    """Return the share of requests that fail, by node of the operation graph.

    Attempts at a call are taken to fail independently, and no limit stops a retry.
    """
    found = _Failures(operations, edges)
    return {node: found.of(node) for node in operations}


class _Failures:
    def __init__(self, operations: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge]) -> None:
        self._operations = operations
        self._edges = edges
        self._known: dict[str, list[tuple[float, _Failing]]] = {}
        for node in reversed(list(nx.topological_sort(operations))):
            at = operations.nodes[node]
            variants = at["service"].variants(at["operation"])
            self._known[node] = [(share, self._failing(node, variant)) for share, variant in variants]

    def of(self, node: str) -> float:
        """Return the share that fails, for whatever reason."""
        return sum(share * (each.own + each.dependent) for share, each in self._known[node])

    def _failing(self, node: str, operation: Operation) -> _Failing:
        own = operation.error_rate
        return _Failing(own, operation.error, (1 - own) * (1 - self._steps(node, operation.calls)))

    def _steps(self, node: str, groups: tuple[Group, ...]) -> float:
        """Return the probability that all steps succeed."""
        succeeds = 1.0
        for group in groups:
            for branch in group:
                succeeds *= self._branch(node, branch)
        return succeeds

    def _branch(self, node: str, branch: Branch) -> float:
        if isinstance(branch, Work):
            return 1.0
        if isinstance(branch, Sequence):
            return self._steps(node, branch.steps)
        if branch.optional:
            return 1.0
        fails, succeeds = self._call(node, branch), 1.0
        for share in branch.times.beyond():
            succeeds *= 1 - share * fails
        return 1 - branch.probability * (1 - succeeds)

    def _call(self, node: str, call: Call) -> float:
        """Return the probability that a call fails and what follows it does not make up for that."""
        fails = self._attempts(node, call)
        if call.hit_rate is not None and call.on_miss:
            missed = 1 - (1 - fails) * call.hit_rate
            return missed * (1 - self._chain(node, call.on_miss))
        spoilt = (1 - fails) * (1 - self._chain(node, call.on_success))
        return spoilt + fails * (1 - self._chain(node, call.on_failure) if call.on_failure else 1.0)

    def _chain(self, node: str, links: tuple[Link, ...]) -> float:
        """Return the probability that everything that follows a call succeeds."""
        succeeds = 1.0
        for link in links:
            if isinstance(link, Call) and not link.optional:
                succeeds *= 1 - self._attempts(node, link)
        return succeeds

    def _attempts(self, node: str, call: Call) -> float:
        """Return the probability that all attempts at a call fail."""
        at = self._operations.nodes[node]
        target = at["targets"].get(call)
        if target is None:
            return 0.0
        edge = self._edges[at["service"].name, call.service]
        again = edge.retry.on if edge.retry is not None else edge.hedge.non_fatal if edge.hedge is not None else ()
        most = edge.retry or edge.hedge
        tried = lost = 0.0
        for share, each in self._known[target]:
            for amount, error in ((each.own, each.error), (each.dependent, "dependency_failed")):
                if error in again:
                    tried += share * amount
                else:
                    lost += share * amount
        attempts = most.max_attempts if most is not None else 1
        # A later attempt may fail with an error that is not retried.
        return sum(tried**before * lost for before in range(attempts)) + tried**attempts
