"""How long operations wait for others by their own timeouts and retries."""

from __future__ import annotations

import networkx as nx

from meshquake.topology.graph import chain
from meshquake.topology.policies import Retry
from meshquake.topology.spec import Branch, Call, Edge, Group, Sequence, Service, Work


def patience_of(operations: nx.MultiDiGraph[str], edges: dict[tuple[str, str], Edge]) -> dict[str, float]:
    """How long each operation may wait for others by its own timeouts and retries, in seconds.

    A call without a timeout is waited for as long as the callee itself waits.
    """
    patience: dict[str, float] = {}

    def steps(node: str, groups: tuple[Group, ...]) -> float:
        return sum(max((branch(node, each) for each in group), default=0.0) for group in groups)

    def branch(node: str, each: Branch) -> float:
        if isinstance(each, Work):
            return 0.0
        if isinstance(each, Sequence):
            return steps(node, each.steps)
        return wait(node, each) * (1 if each.at_once else each.times.most)

    def wait(node: str, call: Call) -> float:
        total = 0.0
        targets = operations.nodes[node]["targets"]
        for link, _ in chain(call):
            if link in targets:
                edge = edges[operations.nodes[node]["service"].name, link.service]
                total += _longest(edge, patience[targets[link]])
        return total

    for node in reversed(list(nx.topological_sort(operations))):
        service: Service = operations.nodes[node]["service"]
        variants = service.variants(operations.nodes[node]["operation"])
        patience[node] = max(steps(node, variant.calls) for _, variant in variants)
    return patience


def _longest(edge: Edge, patience: float) -> float:
    """The longest time that a call on an edge may take, of which the callee itself waits so long, in seconds."""
    attempt = patience if edge.timeout is None else edge.timeout
    if edge.retry is not None:
        attempt = attempt * edge.retry.max_attempts + _pauses(edge.retry)
    elif edge.hedge is not None:
        attempt += edge.hedge.delay * (edge.hedge.max_attempts - 1)
    return attempt if edge.overall_timeout is None else min(attempt, edge.overall_timeout)


def _pauses(retry: Retry) -> float:
    """The longest time that the caller may pause between all attempts of one call, in seconds."""
    return sum(min(retry.base * float(2**attempt - 1), retry.maximum) for attempt in range(1, retry.max_attempts))
