"""Caches with a warm-up in which nothing is looked up."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.graph import chain
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.spec import made


def cold(mesh: Mesh) -> Iterator[Finding]:
    """Services with a warm-up that no call uses as a cache."""
    heads = [
        call
        for service in mesh.topology.services
        for operation in service.operations
        for _, variant in service.variants(operation)
        for call in made(variant.calls)
    ]
    caches = {link.service for call in heads for link, _ in chain(call) if link.hit_rate is not None}
    for service in mesh.topology.services:
        if service.warm_up is not None and service.name not in caches:
            yield f"services.{service.name}.warm_up", "does nothing: no call looks anything up in it (hit_rate)"
