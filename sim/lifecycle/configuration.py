"""Settings that change while a mesh runs, and change back.

No value is saved and restored. What is in force is always computed: the topology's settings with every change on top
that was made and not taken back, in the order in which they were made.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TypeVar

from meshquake.faults.change import Change, found
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.service import Service
from meshquake.sim.lifecycle.autoscaler import look_after
from meshquake.sim.lifecycle.liveness import watch
from meshquake.topology.spec import Edge, Version
from meshquake.topology.spec import Service as ServiceSpec

T = TypeVar("T")

#: What has settings; each of several versions that run side by side is a deployment.
Configured = RuntimeEdge | Service | Deployment


class Configuration:
    """The changes that are in force in a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        #: The settings of each thing without changes, and the changes to it.
        self._usual: dict[RuntimeEdge | Service, Edge | ServiceSpec] = {}
        self._changes: defaultdict[Configured, list[Change]] = defaultdict(list)

    def make(self, thing: Configured, change: Change) -> None:
        """Change settings from now on."""
        whole = thing.service if isinstance(thing, Deployment) else thing
        self._usual.setdefault(whole, whole.spec)
        self._changes[thing].append(change)
        self._settle(thing, change)

    def take_back(self, thing: Configured, change: Change) -> None:
        """Undo a change that was made before."""
        self._changes[thing].remove(change)
        self._settle(thing, change)

    def _settle(self, thing: Configured, change: Change) -> None:
        """Recompute the settings in force, and note the new value of each setting of the change."""
        spec: Edge | ServiceSpec | Version
        if isinstance(thing, RuntimeEdge):
            edge = self._usual[thing]
            assert isinstance(edge, Edge)
            spec = self._changed(edge, thing)
            self._cluster.recompose(thing, spec)
            service, what = thing.caller, f"edges.{spec.caller} -> {spec.callee}"
        else:
            service = thing.service if isinstance(thing, Deployment) else thing
            self._reconfigure(service)
            spec, what = service.spec, f"services.{service.spec.name}"
            if isinstance(thing, Deployment):
                spec = next(version for version in spec.versions if version.name == thing.version)
                what = f"{what}.versions.{thing.version}"
        for path in change.paths():
            self._cluster.journal.note("config_change", service, setting=f"{what}.{path}", value=found(spec, path))

    def _changed(self, spec: T, thing: Configured) -> T:
        """Apply the changes of a thing to its settings."""
        for change in self._changes[thing]:
            spec = change.applied(spec)
        return spec

    def _reconfigure(self, service: Service) -> None:
        """Give a service the settings in force. Periodic processes look theirs up by themselves."""
        before, usual = service.spec, self._usual[service]
        assert isinstance(usual, ServiceSpec)
        versions = tuple(
            self._changed(version, deployment)
            for version, deployment in zip(usual.versions, service.deployments, strict=False)
        )
        spec = service.spec = replace(self._changed(usual, service), versions=versions)
        for replica in service.replicas:
            replica.queue.limit = spec.queue.limit
            if spec.rate_limit != before.rate_limit:
                self._cluster.guard(replica)
            watch(self._cluster, replica)
        for deployment in service.deployments:
            look_after(self._cluster, deployment)
        if [each.weight for each in versions] != [each.weight for each in before.versions]:
            self._cluster.reroute(service)
