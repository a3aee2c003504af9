"""A service at run time: its replicas, its edges, and which replicas are ready."""

from __future__ import annotations

from meshquake.sim.engine.call_site import operations_by_name
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.topology.spec import Service as Spec


class Service:
    """A service of the mesh. `edges` are those to the services it calls, by callee."""

    __slots__ = (
        "created",
        "desired",
        "edges",
        "index",
        "managed",
        "operations",
        "pending",
        "ready",
        "ready_of",
        "replicas",
        "revision",
        "shortages",
        "spec",
    )

    def __init__(self, spec: Spec, index: int, first_replica: int) -> None:
        self.spec = spec
        self.index = index
        self.operations = dict(operations_by_name(spec.operations))
        #: What all its replicas shall run.
        self.revision = Revision(spec.version)
        self.replicas = [Replica(self, i, first_replica + i) for i in range(spec.replicas)]
        running = [each.name for each in spec.versions for _ in range(each.replicas)]
        for replica, version in zip(self.replicas, running, strict=False):
            replica.version, replica.revision = version, Revision(version)
        #: How many there shall be, and how many there have been: a replica that comes gets the next number.
        self.desired = self.created = spec.replicas
        #: From when to when replicas that an autoscaler asked for were not there yet.
        self.shortages: list[tuple[float, float]] = []
        #: Whether a rollout starts and deletes its replicas just now.
        self.managed = False
        #: The revisions of replicas that wait for room in the cluster, the oldest first.
        self.pending: list[Revision] = []
        #: The replicas that get calls, in order: one list for good, which sites have at hand too.
        self.ready = list(self.replicas)
        #: The same of each version, if there are several.
        self.ready_of: dict[str, list[Replica]] = {each.name: [] for each in spec.versions}
        self.edges: dict[str, RuntimeEdge] = {}
        self.refresh()

    @property
    def first_version(self) -> str:
        """The version that its first replica runs; while it has none, the one that they shall run."""
        return self.replicas[0].version if self.replicas else self.revision.version

    def refresh(self) -> None:
        """Recompute `ready` after a replica's readiness changed."""
        self.ready[:] = [replica for replica in self.replicas if replica.ready and not replica.revision.held]
        for version, ready in self.ready_of.items():
            ready[:] = [replica for replica in self.ready if replica.version == version]
