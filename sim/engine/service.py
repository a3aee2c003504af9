"""A service at run time: its replicas, its edges, and which replicas are ready."""

from __future__ import annotations

from meshquake.sim.engine.call_site import operations_by_name
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.topology.spec import Service as Spec


class Service:
    """A service of the mesh. `edges` are those to the services it calls, by callee."""

    __slots__ = ("edges", "index", "operations", "ready", "replicas", "revision", "spec")

    def __init__(self, spec: Spec, index: int, first_replica: int) -> None:
        self.spec = spec
        self.index = index
        self.operations = dict(operations_by_name(spec.operations))
        #: What all its replicas shall run.
        self.revision = Revision(spec.version)
        self.replicas = [Replica(self, i, first_replica + i) for i in range(spec.replicas)]
        #: The replicas that get calls, in order: one list for good, which sites have at hand too.
        self.ready = list(self.replicas)
        self.edges: dict[str, RuntimeEdge] = {}

    def refresh(self) -> None:
        """Recompute `ready` after a replica's readiness changed."""
        self.ready[:] = [replica for replica in self.replicas if replica.ready]
