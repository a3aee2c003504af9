"""Circuit breakers that cannot see enough calls to open."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import duration, number


def inert(mesh: Mesh) -> Iterator[Finding]:
    """Circuit breakers that can't see enough calls to open."""
    for edge in mesh.topology.edges:
        breaker, calls = edge.breaker, mesh.rate_per_replica(edge)
        if breaker is None or breaker.window_time is None or not calls:
            continue
        seen = calls * breaker.window_time * (edge.retry.max_attempts if edge.retry else 1)
        if seen < breaker.minimum_calls:
            yield (
                path_of(edge, "breaker"),
                f"the breaker of {edge.caller} to {edge.callee} cannot open at the usual rate: a replica makes at most "
                f"{number(seen, digits=2)} attempts in {duration(breaker.window_time)}, retries included, and "
                f"{breaker.minimum_calls} are needed",
            )
