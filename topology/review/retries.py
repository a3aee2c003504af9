"""Retries that multiply from layer to layer, or whose pauses do not grow."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from meshquake.topology.graph import name_of
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.spec import Edge
from meshquake.topology.units import duration

#: Work that one request may become, at worst, before it is worth a warning.
_AMPLIFICATION = 16


def amplified(mesh: Mesh) -> Iterator[Finding]:
    """Entries of which one request may become very many calls, because several layers retry.

    A layer repeats the attempts of those below it only if it hears of their failure: it retries `dependency_failed`,
    or it times out while they're still at it. A budget bounds the mean number of attempts, whatever its minimum, which
    is a number a second and doesn't grow with the load.
    """
    worst: dict[str, tuple[float, tuple[str, ...]]] = {}
    for node in reversed(list(nx.topological_sort(mesh.operations))):
        caller = mesh.operations.nodes[node]["service"].name
        worst[node] = (1.0, (caller,))
        for _, callee, data in mesh.operations.out_edges(node, data=True):
            edge = mesh.edges[caller, data["call"].service]
            attempts, (below, path) = _attempts(edge), worst[callee]
            if _hears(edge, mesh.patience[callee]):
                below *= attempts
            elif attempts > below:
                below, path = attempts, path[:1]
            worst[node] = max(worst[node], (below, (caller, *path)), key=lambda way: way[0])
    told = set()
    for entry in mesh.topology.workload.mix:
        times, path = worst[name_of(entry)]
        if entry.weight and times >= _AMPLIFICATION and path not in told:
            told.add(path)
            yield (
                path_of(mesh.edges[path[-2], path[-1]], "retry"),
                f"retries multiply: one request may become {times:.0f} calls along {' -> '.join(path)}",
            )


def _attempts(edge: Edge) -> float:
    """Attempts of one call, at worst, on average."""
    if edge.retry is None:
        return 1.0
    if edge.retry.budget is None:
        return edge.retry.max_attempts
    return min(edge.retry.max_attempts, 1 + edge.retry.budget.ratio)


def _hears(edge: Edge, patience: float) -> bool:
    """Whether the caller tries again when its callee has given up on, or still waits for, what it calls itself."""
    if edge.retry is None:
        return False
    gives_up_first = edge.timeout is not None and edge.timeout < patience
    return "dependency_failed" in edge.retry.on or ("timeout" in edge.retry.on and gives_up_first)


def steady(mesh: Mesh) -> Iterator[Finding]:
    """Pauses between retries that do not grow."""
    for edge in mesh.topology.edges:
        retry = edge.retry
        if retry is not None and retry.base > retry.maximum:
            yield (
                path_of(edge, "retry"),
                f"its pauses do not grow: the base of {duration(retry.base)} is above the maximum of "
                f"{duration(retry.maximum)}",
            )
