"""Rollouts that take a service down, or that don't fit the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import inf

from meshquake.topology.review.deployment import Deployment
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.rollout import BLUE_GREEN, ROLLING
from meshquake.topology.units import counted, number, portion


def exposed(mesh: Mesh) -> Iterator[Finding]:
    """Rolling updates that may leave no replica."""
    for each in chain.from_iterable(mesh.deployments.values()):
        rollout = each.rollout
        if rollout.strategy == ROLLING and rollout.limits(each.replicas)[1] >= each.replicas:
            yield (
                f"{each.path}.rollout.max_unavailable",
                f"{portion(rollout.max_unavailable)} of {counted(each.replicas, 'replica')} leaves none while a "
                "version is replaced",
            )


def stuck(mesh: Mesh) -> Iterator[Finding]:
    """Rollouts that don't fit the cluster; only the first is reported."""
    if mesh.topology.room == inf:
        return
    free = mesh.topology.room - mesh.cores_taken
    found = [each for each in chain.from_iterable(mesh.deployments.values()) if _needs(each) > free + 1e-9]
    if found:
        first, *others = found
        more = f"; likewise for those of {counted(len(others), 'other deployment')}" if others else ""
        yield (
            "cluster",
            f"has no room for a rollout of {first.name}: {first.rollout.strategy} starts with new replicas of "
            f"{number(_needs(first))} cores beside the old ones, but {number(max(0.0, free))} are left{more}",
        )


def _needs(deployment: Deployment) -> float:
    """Return the cores that a rollout needs to begin."""
    rollout, cores = deployment.rollout, deployment.service.cores
    if rollout.strategy == BLUE_GREEN:
        return deployment.replicas * cores
    waits = rollout.strategy == ROLLING and rollout.limits(deployment.replicas)[1] == 0
    return cores if waits else 0.0
