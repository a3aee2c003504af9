"""Reads the services of a topology file."""

from __future__ import annotations

from functools import partial

from meshquake.topology.binder import ByHand, Settings, block, build, overlay, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.deployments import check_rollout, check_scaling
from meshquake.topology.loading.names import Names
from meshquake.topology.loading.operations import OperationReader
from meshquake.topology.loading.patterns import SYSTEM, logs, matching
from meshquake.topology.loading.versions import versioned
from meshquake.topology.spec import Room, Service
from meshquake.topology.stacks import STACKS
from meshquake.topology.units import number


class ServiceReader:
    """Reads the services of a document, each over the defaults for all of them."""

    def __init__(self, document: Document, names: Names, operations: OperationReader) -> None:
        self._document = document
        self._names = names
        self._operations = operations

    def settings(self, node: Node) -> Settings:
        """Return what a block sets for every service."""
        return settings(self._document, Service, node, by_hand={"logs": partial(logs, self._document)})

    def read(self, node: Node, defaults: Settings) -> tuple[Service, ...]:
        """Return the services of a section, without those that are refused."""
        services = []
        entries = block(self._document, node)
        self._names.expect(entries)
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
                self._check_stack(service, entry)
                check_scaling(self._document, service.autoscale, entry)
                check_rollout(self._document, service.rollout, entry)
                if versions is not None:
                    service = versioned(self._document, self._operations, service, whole, versions)
                services.append(service)
        return tuple(services)

    def _check_cores(self, service: Service, node: Node) -> None:
        """Report a share of a core where work runs to its end on whole cores only."""
        if service.cpu.scheduling == "fifo" and service.cores % 1:
            where = node.entries.get("cpu", node)
            cores = number(service.cores)
            self._document.error(
                where, f"fifo needs whole cores, not {cores}: use quota (the default for fractions) or fair"
            )

    def _check_stack(self, service: Service, node: Node) -> None:
        """Report a stack that doesn't suit the kind of service, and a store that is two products."""
        if not service.stack:
            return
        stack, where = STACKS[service.stack], node.entries.get("stack", node)
        if service.kind not in stack.kinds:
            valid = ", ".join(name for name, each in STACKS.items() if service.kind in each.kinds)
            self._document.error(where, f"{stack.name} does not fit a service of kind {service.kind} (valid: {valid})")
        elif service.system and service.system != stack.system:
            self._document.error(where, f"{stack.name} contradicts the system {service.system}: leave out one of them")

    def check_room(self, room: Room, services: tuple[Service, ...]) -> None:
        """Report an error if the initial replicas don't fit."""
        taken = sum(service.replicas * service.cores for service in services)
        if room.cores is not None and taken > room.cores + 1e-9:
            message = f"has room for {number(room.cores)} of the {number(taken)} cores that its initial replicas need"
            self._document.error(self._document.find("cluster"), message)
