"""Settings that are changed while a mesh runs, and changed back.

A change is never a value saved and restored: what is in force is what the topology says with all changes over it that
were made and not taken back, in the order in which they were made.
"""

from __future__ import annotations

from meshquake.faults.change import Change, found
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.service import Service
from meshquake.sim.lifecycle.autoscaler import look_after
from meshquake.sim.lifecycle.liveness import watch
from meshquake.topology.spec import Edge
from meshquake.topology.spec import Service as ServiceSpec

#: What has settings.
Configured = RuntimeEdge | Service


class Configuration:
    """The changes that are in force in a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        #: What each thing is without changes, and the changes of it.
        self._usual: dict[Configured, Edge | ServiceSpec] = {}
        self._changes: dict[Configured, list[Change]] = {}

    def make(self, thing: Configured, change: Change) -> None:
        """Change settings from now on."""
        self._usual.setdefault(thing, thing.spec)
        self._changes.setdefault(thing, []).append(change)
        self._settle(thing, change)

    def take_back(self, thing: Configured, change: Change) -> None:
        """Take a change back that was made."""
        self._changes[thing].remove(change)
        self._settle(thing, change)

    def _reconfigure(self, service: Service, spec: ServiceSpec) -> None:
        """Give a service other settings. What its processes do time and again looks them up by itself."""
        before, service.spec = service.spec, spec
        for replica in service.replicas:
            replica.queue.limit = spec.queue.limit
            if spec.rate_limit != before.rate_limit:
                self._cluster.guard(replica)
            watch(self._cluster, replica)
        for deployment in service.deployments:
            look_after(self._cluster, deployment)

    def _settle(self, thing: Configured, change: Change) -> None:
        """Put in force what is to be, and say of each setting of the change what it is now."""
        spec = self._usual[thing]
        for each in self._changes[thing]:
            spec = each.applied(spec)
        cluster = self._cluster
        if isinstance(thing, RuntimeEdge):
            assert isinstance(spec, Edge)
            cluster.recompose(thing, spec)
            service, what = thing.caller, f"edges.{spec.caller} -> {spec.callee}"
        else:
            assert isinstance(spec, ServiceSpec)
            self._reconfigure(thing, spec)
            service, what = thing, f"services.{spec.name}"
        for path in change.paths():
            cluster.journal.note("config_change", service, setting=f"{what}.{path}", value=found(spec, path))
