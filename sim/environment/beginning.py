"""What a mesh does by itself begins with it: a row a thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.environment.ambient import Ambient

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster


def begin(cluster: Cluster) -> None:
    """Begin all that the environment of a mesh says, and that goes on beside users and their requests."""
    environment = cluster.topology.environment
    if environment.load:
        Ambient(cluster, dict(environment.load))
