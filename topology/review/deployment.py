"""What is deployed, scaled and replaced on its own: a service, or each of its versions that run side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import networkx as nx

from meshquake.topology.autoscale import Autoscale
from meshquake.topology.distributions import Floats
from meshquake.topology.estimates import Load
from meshquake.topology.graph import own_work
from meshquake.topology.rollout import Rollout
from meshquake.topology.spec import Service


@dataclass(frozen=True)
class Deployment:
    """A deployment and what the usual requests demand of it; `path` is its place in the document."""

    service: Service
    path: str
    name: str
    replicas: int
    rollout: Rollout
    autoscale: Autoscale | None
    load: Load

    @property
    def most(self) -> int:
        """The most replicas that it may have."""
        return max(self.replicas, self.autoscale.maximum if self.autoscale is not None else 0)


def deployments_of(
    service: Service,
    load: Load,
    operations: nx.MultiDiGraph[str],
    calls: Mapping[str, float],
    response: Mapping[str, Floats],
) -> Iterator[Deployment]:
    """Yield a service's deployments, given its load, and calls per second and response times by operation node."""
    path = f"services.{service.name}"
    if not service.versions:
        yield Deployment(service, path, service.name, service.replicas, service.rollout, service.autoscale, load)
        return
    own = [(node, at["operation"]) for node, at in operations.nodes(data=True) if at["service"] is service]
    for place, version in enumerate(service.versions):
        asked = cores = workers = 0.0
        for node, operation in own:
            share, variant = service.variants(operation)[place]
            asked += calls[node] * share
            cores += calls[node] * share * own_work(variant)
            workers += calls[node] * share * float(response[node].mean())
        there = version.replicas
        yield Deployment(
            service,
            f"{path}.versions.{version.name}",
            f"{service.name} {version.name}",
            there,
            version.rollout,
            version.autoscale,
            Load.beside(load.ambient, asked, cores / (there * service.cores), workers / (there * service.workers)),
        )
