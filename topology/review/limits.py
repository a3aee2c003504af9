"""Bulkheads and pools that are too narrow for healthy calls, or too wide to protect a callee."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import counted, number


def narrow(mesh: Mesh) -> Iterator[Finding]:
    """Bulkheads and pools smaller than the number of calls that are usually in flight."""
    for edge in mesh.topology.edges:
        limits = {}
        if edge.bulkhead is not None:
            limits["bulkhead"] = edge.bulkhead.max_concurrent
        if edge.pool is not None:
            limits["pool"] = edge.pool.size
        usual = mesh.concurrency(edge) if limits else 0.0
        for policy, limit in limits.items():
            if usual > limit:
                yield (
                    path_of(edge, policy),
                    f"a replica of {edge.caller} has {number(usual, digits=2)} calls to {edge.callee} in flight on "
                    f"average, and room for {limit}",
                )


def oversized(mesh: Mesh) -> Iterator[Finding]:
    """Services whose callers may open more connections than they can hold requests."""
    connections: dict[str, int] = defaultdict(int)
    for edge in mesh.topology.edges:
        if edge.pool is not None:
            connections[edge.callee] += edge.pool.size * mesh.replicas[edge.caller]
    for service in mesh.topology.services:
        room = service.replicas * (service.workers + service.queue.limit)
        if connections[service.name] > room:
            yield (
                f"services.{service.name}",
                f"the pools of its callers have {connections[service.name]} connections, more than the "
                f"{counted(room, 'request')} that its workers and queues hold: the pools do not protect it",
            )
