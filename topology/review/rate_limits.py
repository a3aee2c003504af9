"""Rate limits that permanently reject healthy requests."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import counted, rate


def limited(mesh: Mesh) -> Iterator[Finding]:
    """Rate limits that permanently reject healthy requests."""
    for service in mesh.topology.services:
        limit = service.rate_limit
        if limit is None:
            continue
        if limit.tokens_per_fill > limit.max_tokens:
            yield (
                f"services.{service.name}.rate_limit",
                f"adds {counted(limit.tokens_per_fill, 'token')} to a bucket of {limit.max_tokens}: the rest is lost",
            )
        # Tokens that don't fit into the bucket are lost.
        filled = min(limit.tokens_per_fill, limit.max_tokens)
        allowed = service.replicas * filled / limit.fill_interval
        if mesh.loads[service.name].rate > allowed:
            asked = rate(mesh.loads[service.name].rate, digits=2)
            yield (
                f"services.{service.name}.rate_limit",
                f"lets {rate(allowed, digits=2)} through, but healthy requests come at {asked}: "
                "the others are answered 429",
            )
