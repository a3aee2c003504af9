"""Timeouts that are too short: for the healthy work that they wait for, or for the patience of whom they ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from meshquake.topology.errors import FOLLOWED
from meshquake.topology.graph import name_of
from meshquake.topology.review.mesh import TOO_SLOW, Finding, Mesh, path_of
from meshquake.topology.spec import Edge
from meshquake.topology.units import duration, ratio


def hasty(mesh: Mesh) -> Iterator[Finding]:
    """Timeouts shorter than the healthy work they wait for."""
    for edge in mesh.topology.edges:
        if edge.timeout is None:
            continue
        times = mesh.times(edge)
        late = {callee: float(np.mean(sample > edge.timeout)) for callee, sample in times.items()}
        worst = max(late, key=late.__getitem__, default=None)
        if worst is not None and late[worst] >= TOO_SLOW:
            mean, tail = float(times[worst].mean()), float(np.quantile(times[worst], 0.99))
            yield (
                path_of(edge, "timeout"),
                f"{edge.caller} waits {duration(edge.timeout)} for {mesh.name(worst)}, but "
                f"{ratio(late[worst], digits=2)} of its healthy answers take longer "
                f"(mean {duration(mean, digits=2)}, p99 {duration(tail, digits=2)})",
            )


def inverted(mesh: Mesh) -> Iterator[Finding]:
    """Callers that give up while a callee, by its own timeouts, still waits for others: once a caller, the worst."""
    inverted: dict[str, list[tuple[float, float, str, Edge]]] = defaultdict(list)
    for edge in mesh.topology.edges:
        reached = mesh.calls[edge.caller, edge.callee]
        worst = max(reached, key=mesh.patience.__getitem__, default=None)
        if edge.timeout is not None and worst is not None and edge.timeout < mesh.patience[worst]:
            inverted[edge.caller].append((mesh.patience[worst], edge.timeout, worst, edge))
    for found in inverted.values():
        patience, timeout, worst, edge = max(found, key=lambda candidate: candidate[0])
        others = [other.callee for *_, other in found if other is not edge]
        yield (
            path_of(edge, "timeout"),
            f"{edge.caller} gives up after {duration(timeout)}, but {mesh.name(worst)} may wait "
            f"{duration(patience, digits=2)} for what it calls (timeouts x attempts): "
            f"work that nobody waits for{_likewise(others)}",
        )


def endless(mesh: Mesh) -> Iterator[Finding]:
    """Entries whose healthy requests take longer than any request is followed."""
    for entry in mesh.topology.workload.mix:
        times = mesh.response[name_of(entry)]
        late = float(np.mean(times > FOLLOWED))
        if late >= TOO_SLOW and entry.weight:
            yield (
                f"services.{entry.service}.operations.{entry.operation}",
                f"{ratio(late, digits=2)} of its healthy answers take longer than {duration(FOLLOWED)} "
                f"(mean {duration(float(times.mean()), digits=2)}), and no request is followed longer: recorded "
                "as unfinished",
            )


def _likewise(callees: list[str]) -> str:
    return f"; likewise its calls to {', '.join(callees)}" if callees else ""
