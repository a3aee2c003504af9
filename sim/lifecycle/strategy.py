"""What ways to replace the replicas of a deployment have in common."""

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

    Generators return why the rollout does not go on, or an empty text if it does.
    """

    #: Whether it starts and deletes replicas itself to have as many as there shall be.
    counts = False

    def __init__(self, cluster: Cluster, deployment: Deployment, revision: Revision, watch: Watch) -> None:
        self.cluster = cluster
        self.deployment = deployment
        self.revision = revision
        self.watch = watch
        #: In whose hands the replicas are: what they do is done because of it.
        self.reason = "deployment"

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        """Replace replicas: all of them, or so many as a canary."""
        raise NotImplementedError

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        """Bring the revision before back. `deployment.revision` is that one already."""
        raise NotImplementedError

    def hold(self, canary: Portion, length: float | None) -> Generator[Any, Any, str]:
        """Stay at a canary for some seconds, or for good."""
        end = None if length is None else self.cluster.now + length
        while end is None or self.cluster.now < end:
            yield self.cluster.timeout(TICK)
            problem = SUPERSEDED if self.superseded else self.watch.stalls(self.troubled, not self.troubled)
            if problem:
                return problem
        return ""

    def turn(self, before: Revision) -> None:
        """From now on it is about going back, which nobody takes back."""
        self.revision, self.reason = before, "rollback"
        self.watch = Watch(self.cluster, Release(before.version), None)

    @property
    def superseded(self) -> bool:
        """Whether its replicas shall have another revision by now."""
        return self.deployment.revision is not self.revision

    @property
    def new(self) -> list[Replica]:
        """The replicas of the revision that have not been deleted."""
        return [replica for replica in self.deployment.staying if replica.revision is self.revision]

    @property
    def old(self) -> list[Replica]:
        """The others that have not been deleted."""
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
        """How many replicas of the revision there shall be."""
        wanted = self.deployment.desired
        return wanted if canary is None else max(1, min(wanted, canary.of(wanted, up=True)))


def wait_until_replaced(cluster: Cluster, revision: Revision) -> Generator[Any, Any, None]:
    """Wait until no replica runs a revision any more that has a fault."""
    while revision.modifiers:
        yield cluster.timeout(TICK)
