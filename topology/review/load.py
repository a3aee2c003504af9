"""Services that the usual load keeps too busy, or of which a request alone does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from meshquake.topology.autoscale import Autoscale
from meshquake.topology.estimates import Load
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.spec import Operation, Service, pieces
from meshquake.topology.units import duration, number, rate, ratio

#: Load that leaves little room for a burst: M/M/1 then answers 1 / (1 - 0.85) = 7 times slower than when idle.
HEADROOM = 0.85
#: Share of the requests that may be throttled by themselves.
_THROTTLED = 0.1
_SAMPLES = 1000


def overloaded(mesh: Mesh) -> Iterator[Finding]:
    """Services that the usual load keeps too busy, version by version."""
    closed = any(population.users for population in mesh.topology.workload.populations)
    for service in mesh.topology.services:
        for path, load, replicas, autoscale in deployments(mesh, service):
            what = "cores" if load.cores >= load.workers else "workers"
            offered = load.offered
            if autoscale is not None:
                # What counts is how far it can be scaled.
                offered *= replicas / max(replicas, autoscale.maximum)
                what += f" with {autoscale.maximum} replicas"
            calls, share = rate(load.rate, digits=2), ratio(offered, digits=2)
            if offered >= 1:
                slower = "; closed users are slowed down until it bears them" if closed else ""
                yield path, f"overloaded even when healthy: {calls} need {share} of its {what}{slower}"
            elif offered >= HEADROOM:
                yield path, f"little headroom: {calls} keep {share} of its {what} busy"


class Deployment(NamedTuple):
    """A service, or one of its versions: where it is written, its load, its replicas, and who looks after them."""

    path: str
    load: Load
    replicas: int
    autoscale: Autoscale | None


def deployments(mesh: Mesh, service: Service) -> Iterator[Deployment]:
    """A service, or each of the versions that run side by side."""
    path = f"services.{service.name}"
    if not service.versions:
        yield Deployment(path, mesh.loads[service.name], service.replicas, service.autoscale)
        return
    for place, version in enumerate(service.versions):
        calls = cores = workers = 0.0
        for node, at in mesh.operations.nodes(data=True):
            if at["service"] is service:
                share, operation = service.variants(at["operation"])[place]
                arrivals = mesh.topology.workload.rate * mesh.node_visits[node] * share
                calls += arrivals
                cores += arrivals * _work(operation)
                workers += arrivals * float(mesh.response[node].mean())
        there = version.replicas
        load = Load(calls, cores / (there * service.cores), workers / (there * service.workers))
        yield Deployment(f"{path}.versions.{version.name}", load, there, version.autoscale)


def _work(operation: Operation) -> float:
    """Its own work, on average."""
    return operation.work.expectation() + sum(piece.time.expectation() for piece in pieces(operation.calls))


def throttled(mesh: Mesh) -> Iterator[Finding]:
    """Quotas of CPU time that a single request uses up."""
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
                    f"{number(limit)} cores give them {duration(quota, digits=2)} of CPU time in {duration(period)}",
                )
                break
