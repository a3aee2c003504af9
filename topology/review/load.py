"""Services that the usual load, or even a single request, keeps too busy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from meshquake.topology.environment.fluctuation import high
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import duration, number, rate, ratio

#: Utilisation that leaves little room for a burst: an M/M/1 queue is then 1 / (1 - 0.85) = 7 times slower than idle.
HEADROOM = 0.85
#: Share of requests that may be throttled on their own.
_THROTTLED = 0.1
_SAMPLES = 1000
#: Standard deviations above the median of what fluctuates by itself, and the share of the time spent above that.
_BUSY, _BUSIER = 2.0, 0.023


def overloaded(mesh: Mesh) -> Iterator[Finding]:
    """Services that the usual load keeps too busy, version by version."""
    closed = any(population.users for population in mesh.topology.workload.populations)
    for deployment in chain.from_iterable(mesh.deployments.values()):
        load = deployment.load
        what = "cores" if load.cores >= load.workers else "workers"
        # What counts is how far it can scale.
        offered = load.offered * deployment.replicas / deployment.most
        if deployment.autoscale is not None:
            what += f" with {deployment.most} replicas"
        calls, share = rate(load.rate, digits=2), ratio(offered, digits=2)
        if offered >= 1:
            slower = "; closed users slow down until it keeps up" if closed else ""
            yield deployment.path, f"overloaded even when healthy: {calls} need {share} of its {what}{slower}"
        elif offered >= HEADROOM:
            yield deployment.path, f"little headroom: {calls} keep {share} of its {what} busy"


def crowded(mesh: Mesh) -> Iterator[Finding]:
    """Services that cope with the usual load, but not when the number of users is high."""
    users = mesh.topology.environment.users
    times = high(users, _BUSY)
    for service in mesh.topology.services if users else ():
        offered = [each.load.offered * each.replicas / each.most for each in mesh.deployments[service.name]]
        if max(offered) < HEADROOM <= 1 <= max(offered) * times:
            yield (
                "environment.users",
                f"{service.name} is overloaded {ratio(_BUSIER, digits=2)} of the time: it then has "
                f"{number(times, digits=2)} times its usual users, who need "
                f"{ratio(max(offered) * times, digits=2)} of it",
            )


def throttled(mesh: Mesh) -> Iterator[Finding]:
    """CPU quotas that a single request uses up."""
    for service in mesh.topology.services:
        limit = service.cores
        if service.scheduled != "quota" or limit >= 1:
            continue
        quota, period = limit * service.cpu.period, service.cpu.period
        for operation in service.operations:
            if not mesh.visits[f"{service.name}.{operation.name}"]:
                continue
            quantiles = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
            longer = sum(
                share * float(np.mean(variant.work.quantile(quantiles) > quota))
                for share, variant in service.variants(operation)
            )
            if longer >= _THROTTLED:
                yield (
                    f"services.{service.name}.cpu",
                    f"{ratio(longer, digits=2)} of the requests for {operation.name} are throttled even when alone: "
                    f"{number(limit)} cores give them {duration(quota, digits=2)} of CPU time every {duration(period)}",
                )
                break
