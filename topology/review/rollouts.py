"""Rollouts that take a service away, or for which there is no room."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.rollout import BLUE_GREEN, ROLLING
from meshquake.topology.spec import Service
from meshquake.topology.units import counted, number, portion


def exposed(mesh: Mesh) -> Iterator[Finding]:
    """Rolling updates that may leave no replica."""
    for service in mesh.topology.services:
        rollout = service.rollout
        if rollout.strategy == ROLLING and rollout.limits(service.replicas)[1] >= service.replicas:
            yield (
                f"services.{service.name}.rollout.max_unavailable",
                f"{portion(rollout.max_unavailable)} of {counted(service.replicas, 'replica')} leaves none while a "
                "version is replaced",
            )


def stuck(mesh: Mesh) -> Iterator[Finding]:
    """Rollouts for which the cluster has no room: told of the first."""
    cluster = mesh.topology.cluster
    if cluster is None:
        return
    free = cluster.cores - sum(service.replicas * service.cores for service in mesh.topology.services)
    found = [service for service in mesh.topology.services if _needs(service) > free + 1e-9]
    if found:
        first, *others = found
        more = f"; likewise for those of {counted(len(others), 'other service')}" if others else ""
        yield (
            "cluster",
            f"has no room for a rollout of {first.name}: {first.rollout.strategy} starts with new replicas of "
            f"{number(_needs(first))} cores beside the old ones, and {number(max(0.0, free))} are left{more}",
        )


def _needs(service: Service) -> float:
    """Cores without which a rollout cannot begin."""
    rollout = service.rollout
    if rollout.strategy == BLUE_GREEN:
        return service.replicas * service.cores
    waits = rollout.strategy == ROLLING and rollout.limits(service.replicas)[1] == 0
    return service.cores if waits else 0.0
