"""Limits on calls that are too narrow for healthy ones, or too wide to protect a callee."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import counted, duration, number


def narrow(mesh: Mesh) -> Iterator[Finding]:
    """Bulkheads, pools and adaptive limits smaller than the usual number of calls in flight."""
    for edge in mesh.topology.edges:
        limits = {}
        if edge.bulkhead is not None:
            limits["bulkhead"] = edge.bulkhead.max_concurrent
        if edge.pool is not None:
            limits["pool"] = edge.pool.size * edge.pool.streams
        if edge.adaptive_concurrency is not None:
            limits["adaptive_concurrency"] = edge.adaptive_concurrency.most
        usual = mesh.concurrency(edge) if limits else 0.0
        for policy, limit in limits.items():
            if usual > limit:
                yield (
                    path_of(edge, policy),
                    f"a replica of {edge.caller} has {number(usual, digits=2)} calls to {edge.callee} in flight on "
                    f"average, but room for only {limit}",
                )


def measured(mesh: Mesh) -> Iterator[Finding]:
    """Adaptive limits that refuse healthy calls whenever they measure latency."""
    for edge in mesh.topology.edges:
        policy = edge.adaptive_concurrency
        if policy is None:
            continue
        usual = mesh.concurrency(edge)
        if policy.least > policy.most:
            yield (
                path_of(edge, "adaptive_concurrency"),
                f"does not adapt: its lowest limit of {policy.least} is above its highest of {policy.most}",
            )
        elif policy.least < usual <= policy.most:
            yield (
                path_of(edge, "adaptive_concurrency"),
                f"lets {policy.least} calls through at a time while it measures the minimum, every "
                f"{duration(policy.remeasure)}: {number(usual, digits=2)} are usual, so the others fail",
            )


def oversized(mesh: Mesh) -> Iterator[Finding]:
    """Services whose callers may open more connections than they can hold requests."""
    connections: dict[str, int] = defaultdict(int)
    streams: set[str] = set()
    for edge in mesh.topology.edges:
        if edge.pool is not None:
            if edge.pool.streams > 1:
                streams.add(edge.callee)
            connections[edge.callee] += edge.pool.size * edge.pool.streams * mesh.replicas[edge.caller]
    for service in mesh.topology.services:
        room = service.replicas * (service.workers + service.queue.limit)
        what = "streams" if service.name in streams else "connections"
        if connections[service.name] > room:
            yield (
                f"services.{service.name}",
                f"the pools of its callers have {connections[service.name]} {what}, more than the "
                f"{counted(room, 'request')} that its workers and queues hold: the pools do not protect it",
            )
