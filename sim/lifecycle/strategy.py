"""What rollout strategies have in common."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.faults.release import Release
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.fleet import TICK
from meshquake.sim.lifecycle.watch import SUPERSEDED, Watch
from meshquake.topology.portion import Portion


class Strategy:
    """Brings the replicas of a deployment to a revision, and back.

    The generators return why the rollout stopped, or an empty string if it may go on.
    """

    #: Whether the strategy itself keeps the number of replicas at the desired one.
    counts = False

    def __init__(self, cluster: Cluster, deployment: Deployment, revision: Revision, watch: Watch) -> None:
        self.cluster = cluster
        self.deployment = deployment
        self.revision = revision
        self.watch = watch
        #: The reason that is noted for what happens to the replicas.
        self.reason = "deployment"

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        """Replace all replicas, or as many as a canary has."""
        raise NotImplementedError

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        """Bring back the revision before; `deployment.revision` is set to it already."""
        raise NotImplementedError

    def hold(self, canary: Portion, length: float | None) -> Generator[Any, Any, str]:
        """Stay at a canary for `length` seconds, or for good."""
        end = None if length is None else self.cluster.now + length
        while end is None or self.cluster.now < end:
            yield self.cluster.timeout(TICK)
            problem = SUPERSEDED if self.superseded else self.watch.stalls(self.troubled, not self.troubled)
            if problem:
                return problem
        return ""

    def turn(self, before: Revision) -> None:
        """Turn to the revision before; going back is not rolled back itself."""
        self.revision, self.reason = before, "rollback"
        self.watch = Watch(self.cluster, Release(before.version), None)

    @property
    def superseded(self) -> bool:
        """Whether the deployment has moved on to another revision."""
        return self.deployment.revision is not self.revision

    @property
    def new(self) -> list[Replica]:
        """The replicas of the revision, without those being deleted."""
        return [replica for replica in self.deployment.staying if replica.revision is self.revision]

    @property
    def old(self) -> list[Replica]:
        """The replicas of other revisions, without those being deleted."""
        return [replica for replica in self.deployment.staying if replica.revision is not self.revision]

    @property
    def troubled(self) -> bool:
        """Whether a replica of the revision fails its health checks, or has no room in the cluster."""
        return self.revision in self.deployment.pending or any(
            replica.failures or (replica.up and replica.started and not replica.ready) for replica in self.new
        )

    def available(self, replica: Replica) -> bool:
        """Whether a replica has been ready for long enough."""
        return replica.ready and self.cluster.now - replica.since >= self.deployment.rollout.min_ready

    def size(self, canary: Portion | None) -> int:
        """Return how many replicas should run the revision."""
        wanted = self.deployment.desired
        return wanted if canary is None else max(1, min(wanted, canary.of(wanted, up=True)))


def wait_until_replaced(cluster: Cluster, revision: Revision) -> Generator[Any, Any, None]:
    """Wait until no replica runs a revision any more, if it has a fault."""
    while revision.modifiers:
        yield cluster.timeout(TICK)
