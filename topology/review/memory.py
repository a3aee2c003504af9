"""Memory that requests alone can fill."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import counted, size


def cramped(mesh: Mesh) -> Iterator[Finding]:
    """Services whose requests alone can fill a replica's memory, without an OOM kill; only the tightest is reported."""
    found = []
    for service in mesh.topology.services:
        memory, holds = service.memory, service.workers + service.queue.limit
        left = max(0.0, memory.limit * (1 - memory.base - memory.collect_at))
        if holds * memory.per_request >= left:
            found.append((left / memory.per_request if memory.per_request else 0.0, holds, service))
    if found:
        enough, holds, service = min(found, key=lambda each: each[0])
        others = f"; likewise those of {counted(len(found) - 1, 'other service')}" if len(found) > 1 else ""
        yield (
            f"services.{service.name}.memory",
            f"{ceil(enough)} of the {counted(holds, 'request')} that a replica may hold fill its "
            f"{size(service.memory.limit, digits=3)}: memory_usage is then 100%, and nothing is killed{others}",
        )
