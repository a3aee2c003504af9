"""Cycles of services in which all workers may wait for each other (`topology.deadlock`)."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.deadlock import deadlocks
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import counted

#: Services of a cycle that a warning lists by name.
_SHOWN = 4


def deadlocked(mesh: Mesh) -> Iterator[Finding]:
    """Cycles of services in which all workers may wait for each other for ever."""
    for deadlock in deadlocks(mesh.topology):
        circle = deadlock.circle
        named = [
            f"{'all of' if index else 'all workers of'} {wait.service} may be held by {' -> '.join(wait.operations)}, "
            f"which waits for a worker of {circle[(index + 1) % len(circle)].service}"
            for index, wait in enumerate(circle[:_SHOWN])
        ]
        rest = f", and so on around {counted(len(circle), 'service')}" if len(circle) > _SHOWN else ""
        more = f"; {deadlock.services} services wait in such cycles" if deadlock.services > len(circle) else ""
        yield (
            f"edges.{' -> '.join(deadlock.edge)}.timeout",
            f"possible deadlock: {', '.join(named)}{rest}, and none of these calls has a timeout. A timeout on one of "
            f"them breaks the cycle, as does a bulkhead smaller than its caller's workers{more}",
        )
