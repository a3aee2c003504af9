"""Starts what a mesh does on its own, when the mesh starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.environment.aging import Growing
from meshquake.sim.environment.ambient import Ambient
from meshquake.sim.environment.churning import Churning
from meshquake.sim.environment.deploying import deploys
from meshquake.sim.environment.jobs import Jobs

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster


def begin(cluster: Cluster) -> None:
    """Start everything in a mesh's environment that goes on besides users and their requests."""
    environment = cluster.topology.environment
    jobs = {each.name: environment.jobs_of(each.name, each.kind) for each in cluster.topology.services}
    if environment.load:
        Ambient(cluster, dict(environment.load))
    if environment.memory:
        Growing(cluster, dict(environment.memory))
    if environment.connections:
        Churning(cluster, dict(environment.connections))
    if any(jobs.values()):
        Jobs(cluster, {name: own for name, own in jobs.items() if own})
    if environment.deploys is not None:
        cluster.env.process(deploys(cluster, environment.deploys))
