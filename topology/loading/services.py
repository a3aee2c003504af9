"""Reads the services of a topology file."""

from __future__ import annotations

from functools import partial

from meshquake.topology.binder import ByHand, Settings, block, build, overlay, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.names import Names
from meshquake.topology.loading.operations import OperationReader
from meshquake.topology.loading.patterns import SYSTEM, logs, matching
from meshquake.topology.loading.versions import versioned
from meshquake.topology.rollout import ROLLING
from meshquake.topology.spec import Room, Service
from meshquake.topology.units import number


class ServiceReader:
    """Reads services of a document, each over the defaults for all of them."""

    def __init__(self, document: Document, names: Names, operations: OperationReader) -> None:
        self._document = document
        self._names = names
        self._operations = operations

    def settings(self, node: Node) -> Settings:
        """What a block sets for every service."""
        return settings(self._document, Service, node, by_hand={"logs": partial(logs, self._document)})

    def read(self, node: Node, defaults: Settings) -> tuple[Service, ...]:
        """The services of a section, without those that were refused."""
        services = []
        entries = block(self._document, node)
        if node.kind == "map" and not entries and node.line:
            self._document.error(node, "needs at least one service")
        for name, entry in entries.items():
            self._names.add(name, entry)
            by_hand: ByHand = {
                "operations": partial(self._operations.read, name),
                "versions": lambda node: node,
                "logs": partial(logs, self._document),
                "system": partial(matching, self._document, SYSTEM, "lower-case letters, digits, dots and underscores"),
            }
            found = settings(self._document, Service, entry, by_hand)
            versions = found.pop("versions", None)
            whole = overlay(Service, defaults, found)
            self._names.kinds[name] = whole.get("kind", Service.kind)
            service = build(Service, whole, name=name)
            if service is not None:
                self._operations.check_protocols(service, entry)
                self._check_cores(service, entry)
                self._check_scaling(service, entry, versions)
                self._check_rollout(service, entry)
                services.append(
                    service if versions is None else versioned(self._document, self._operations, service, versions)
                )
        return tuple(services)

    def _check_cores(self, service: Service, node: Node) -> None:
        """Work can run to its end on whole cores only."""
        if service.cpu.scheduling == "fifo" and service.cores % 1:
            where = node.entries.get("cpu", node)
            cores = number(service.cores)
            self._document.error(where, f"fifo needs whole cores, not {cores}: say quota (the default there) or fair")

    def _check_scaling(self, service: Service, node: Node, versions: Node | None) -> None:
        """An error for an autoscaler that cannot do its work."""
        if service.autoscale is None:
            return
        node = node.entries.get("autoscale", node)
        if service.autoscale.minimum > service.autoscale.maximum:
            least, most = service.autoscale.minimum, service.autoscale.maximum
            self._document.error(node, f"has a minimum of {least} and a maximum of {most}: the maximum cannot be less")
        if service.autoscale.cpu is None and service.autoscale.requests is None:
            self._document.error(node, "needs a target: cpu or requests")
        if versions is not None:
            self._document.error(node, "scales a service that has one version; this one has several side by side")

    def _check_rollout(self, service: Service, node: Node) -> None:
        """An error for a rollout that could replace nothing (Kubernetes' `ValidateRollingUpdateDeployment`)."""
        rollout = service.rollout
        if rollout.strategy == ROLLING and not any(
            portion.count or portion.share for portion in (rollout.max_surge, rollout.max_unavailable)
        ):
            message = "has a max_surge and a max_unavailable of 0, so nothing can be replaced: give one of them more"
            self._document.error(node.entries.get("rollout", node), message)

    def check_room(self, room: Room, services: tuple[Service, ...]) -> None:
        """An error if the replicas that there are at first don't fit."""
        taken = sum(service.replicas * service.cores for service in services)
        if taken > room.cores + 1e-9:
            message = f"has room for {number(room.cores)} of the {number(taken)} cores that its replicas have at first"
            self._document.error(self._document.find("cluster"), message)
