"""Rate limits that turn healthy requests away for ever."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import rate


def limited(mesh: Mesh) -> Iterator[Finding]:
    """Rate limits that turn healthy requests away for ever."""
    for service in mesh.topology.services:
        limit = service.rate_limit
        if limit is None:
            continue
        allowed = service.replicas * limit.tokens_per_fill / limit.fill_interval
        if mesh.loads[service.name].rate > allowed:
            asked = rate(mesh.loads[service.name].rate, digits=2)
            yield (
                f"services.{service.name}.rate_limit",
                f"lets {rate(allowed, digits=2)} through, and healthy requests are {asked}: others are answered 429",
            )
