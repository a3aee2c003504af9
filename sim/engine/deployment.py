"""The replicas of a service that are created and deleted together: what Kubernetes calls a Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.subset import Canary, Subset
from meshquake.topology.autoscale import Autoscale
from meshquake.topology.rollout import Rollout

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


class Deployment:
    """The unit of scaling and of rollouts. A service has one, or one for each version that runs side by side.

    Parameters
    ----------
    service
        The service that the replicas belong to.
    version
        The version that it runs; empty if the service has only one.
    desired
        How many replicas there should be.
    """

    __slots__ = (
        "canary",
        "desired",
        "managed",
        "pending",
        "ready",
        "replicas",
        "revision",
        "service",
        "shortages",
        "stable",
        "version",
    )

    def __init__(self, service: Service, version: str, desired: int) -> None:
        self.service = service
        self.version = version
        #: The revision that all its replicas should run.
        self.revision = Revision(version or service.spec.version)
        self.replicas: list[Replica] = []
        self.desired = desired
        #: The times (from, to) during which replicas that an autoscaler had asked for were not there yet.
        self.shortages: list[tuple[float, float]] = []
        #: Whether a rollout is starting and deleting its replicas.
        self.managed = False
        #: The revisions of replicas that wait for room in the cluster, oldest first.
        self.pending: list[Revision] = []
        #: The replicas that get calls, in order.
        self.ready: list[Replica] = []
        #: The subsets that get calls by weight: all replicas but those of a canary with its own share, and that canary.
        self.stable = Subset(self)
        self.canary: Canary | None = None

    @property
    def title(self) -> str:
        """Its name: that of the service, followed by the version if versions run side by side."""
        return f"{self.service.spec.name} {self.version}".rstrip()

    @property
    def running(self) -> str:
        """The version that its events report."""
        return self.revision.version if self.version else self.service.first_version

    @property
    def autoscale(self) -> Autoscale | None:
        """Its autoscaler, according to the topology."""
        return self.service.spec.autoscale_of(self.version)

    @property
    def rollout(self) -> Rollout:
        """How its replicas are replaced, according to the topology."""
        return self.service.spec.rollout_of(self.version)

    @property
    def staying(self) -> list[Replica]:
        """The replicas that have not been deleted."""
        return [replica for replica in self.replicas if not replica.leaving]

    @property
    def subsets(self) -> tuple[Subset, ...]:
        """The subsets among which its requests are shared out."""
        return (self.stable,) if self.canary is None else (self.stable, self.canary)

    def subset_of(self, replica: Replica) -> Subset:
        """The subset that a replica belongs to."""
        canary = self.canary
        return self.stable if canary is None or replica.revision is not canary.revision else canary

    def refresh(self) -> None:
        """Recompute which replicas get calls after a replica's readiness changed."""
        self.ready[:] = [replica for replica in self.replicas if replica.serves]
        for subset in self.subsets:
            subset.ready[:] = [replica for replica in self.ready if self.subset_of(replica) is subset]
