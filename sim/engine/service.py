"""A service at run time: its replicas, its edges, and which replicas are ready."""

from __future__ import annotations

from meshquake.sim.engine.call_site import operations_by_name
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.subset import Subset
from meshquake.topology.spec import Service as Spec


class Service:
    """A service of the mesh. `edges` are its edges to the services that it calls, by callee."""

    __slots__ = ("created", "deployments", "edges", "inbound", "index", "operations", "ready", "replicas", "spec")

    def __init__(self, spec: Spec, index: int, first_replica: int) -> None:
        self.spec = spec
        self.index = index
        #: Position and description of each operation, by name.
        self.operations = dict(operations_by_name(spec.operations))
        sizes = [(each.name, each.replicas) for each in spec.versions] or [("", spec.replicas)]
        #: One for each version that runs side by side, in file order.
        self.deployments = [Deployment(self, version, size) for version, size in sizes]
        self.replicas: list[Replica] = []
        for deployment in self.deployments:
            for _ in range(deployment.desired):
                place = len(self.replicas)
                deployment.replicas.append(Replica(deployment, place, first_replica + place))
                self.replicas.append(deployment.replicas[-1])
        #: How many replicas there have been: a new replica gets the next number.
        self.created = len(self.replicas)
        #: The replicas that get calls, in order.
        self.ready: list[Replica] = []
        self.edges: dict[str, RuntimeEdge] = {}
        #: The edges from the services that call it.
        self.inbound: list[RuntimeEdge] = []
        self.refresh()

    @property
    def first_version(self) -> str:
        """The version that its first replica runs; if there is none, the version that replicas should run."""
        return self.replicas[0].version if self.replicas else self.deployments[0].revision.version

    @property
    def desired(self) -> int:
        """How many replicas there should be."""
        return sum(deployment.desired for deployment in self.deployments)

    @property
    def shortages(self) -> list[tuple[float, float]]:
        """The times (from, to) during which replicas that an autoscaler had asked for were not there yet."""
        return [shortage for deployment in self.deployments for shortage in deployment.shortages]

    def deployment(self, version: str | None) -> Deployment:
        """The deployment of one of the versions that run side by side; None stands for the only one."""
        return next(each for each in self.deployments if version in (None, each.version))

    @property
    def subsets(self) -> tuple[Subset, ...]:
        """The subsets among which its calls are shared out by weights; none if each call may go to any replica."""
        if not self.spec.weighted and all(each.canary is None for each in self.deployments):
            return ()
        return tuple(subset for deployment in self.deployments for subset in deployment.subsets)

    @property
    def canary_share(self) -> float | None:
        """The share of its requests that goes to canaries; None while there are none."""
        canaries = [each.canary for each in self.deployments if each.canary is not None]
        weights = {each.name: each.weight or 0.0 for each in self.spec.versions} or {"": 1.0}
        total = sum(weights.values())
        return sum(each.share * weights[each.deployment.version] / total for each in canaries) if canaries else None

    def subset_of(self, replica: Replica) -> Subset | None:
        """The subset that a replica belongs to, if there are any."""
        subset = replica.deployment.subset_of(replica)
        return subset if subset in self.subsets else None

    def fellows(self, replica: Replica) -> list[Replica]:
        """The replicas of a replica's subset, itself included, whether or not they get calls."""
        subset = self.subset_of(replica)
        return [each for each in self.replicas if self.subset_of(each) is subset]

    def beside(self, replica: Replica) -> list[Replica]:
        """The replicas that get calls where this one does: those of its subset, or all of them."""
        subset = self.subset_of(replica)
        return self.ready if subset is None else subset.ready

    def refresh(self) -> None:
        """Recompute which replicas get calls after a replica's readiness changed."""
        for deployment in self.deployments:
            deployment.refresh()
        self.ready[:] = [replica for replica in self.replicas if replica.serves]
