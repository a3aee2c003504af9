"""Circuit breakers that cannot see enough calls to open, or no slow ones."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.deadlines import own_limit
from meshquake.topology.policies import CircuitBreaker
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import duration, number


def inert(mesh: Mesh) -> Iterator[Finding]:
    """Circuit breakers that can't see enough calls to open."""
    for edge in mesh.topology.edges:
        breaker, calls = edge.breaker, mesh.rate_per_replica(edge)
        if breaker is None or breaker.window_time is None or not calls:
            continue
        most = edge.retry or edge.hedge
        seen = calls * breaker.window_time * (most.max_attempts if most else 1)
        others = "retries" if edge.hedge is None else "hedges"
        if seen < breaker.minimum_calls:
            yield (
                path_of(edge, "breaker"),
                f"the breaker of {edge.caller} to {edge.callee} cannot open at the usual rate: a replica makes at most "
                f"{number(seen, digits=2)} attempts in {duration(breaker.window_time)}, {others} included, but "
                f"{breaker.minimum_calls} are needed",
            )


def hasty(mesh: Mesh) -> Iterator[Finding]:
    """Circuit breakers that open on calls slower than any caller waits for."""
    usual = CircuitBreaker()
    for edge in mesh.topology.edges:
        breaker, limit = edge.breaker, own_limit(edge)
        if breaker is None or (breaker.slow_call, breaker.slow_rate) == (usual.slow_call, usual.slow_rate):
            continue
        if breaker.slow_call >= limit:
            yield (
                path_of(edge, "breaker"),
                f"never sees a slow call: slow_call is {duration(breaker.slow_call)}, but a call is given up after "
                f"{duration(limit)}",
            )
