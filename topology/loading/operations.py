"""Reads the operations of a service."""

from __future__ import annotations

from functools import partial

from meshquake.topology.binder import ByHand, bind, block
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.calls import CallReader
from meshquake.topology.loading.names import Names
from meshquake.topology.loading.patterns import OPERATION_NAME, PROTOCOLS, ROUTE, RPC, matching
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Operation, Service
from meshquake.topology.units import shown


class OperationReader:
    """Reads the operations of services, and those that differ in a version."""

    def __init__(self, document: Document, names: Names, calls: CallReader) -> None:
        self._document = document
        self._names = names
        self._calls = calls

    def read(self, service: str, node: Node) -> tuple[Operation, ...]:
        """Return the operations of a block, and register them for the service."""
        operations = []
        for name, entry in block(self._document, node).items():
            if not OPERATION_NAME.fullmatch(name):
                rule = (
                    "use up to 100 letters, digits, spaces and signs, but none of = [ ] < >, bars and quotation marks"
                )
                self._document.error(entry, f"an operation cannot be called {shown(name)}: {rule}")
            self._names.known[service][name] = None
            by_hand: ByHand = {
                "work": partial(distribution, self._document),
                "calls": partial(self._calls.steps, service, name),
                "route": partial(matching, self._document, ROUTE, "a method and a path, as in GET /api/products/{id}"),
                "rpc": partial(matching, self._document, RPC, "a service and a method, as in shop.CartService/GetCart"),
            }
            operation = bind(self._document, Operation, entry, by_hand, name=name)
            if operation is not None:
                operations.append(operation)
        return tuple(operations)

    def overridden(self, service: Service, node: Node) -> tuple[Operation, ...]:
        """Return the operations of a version; the service must have all of them."""
        known = self._names.known[service.name]
        for name, entry in block(self._document, node).items():
            if name not in known:
                hint = suggestion(name, known)
                self._document.error(
                    entry,
                    f"{service.name} has no operation {shown(name)}{hint}, so its versions cannot change it",
                )
        had = dict(known)
        operations = self.read(service.name, node)
        self._names.known[service.name] = had
        return operations

    def check_protocols(self, service: Service, node: Node) -> None:
        """Report operations that have two protocols, or one that doesn't suit their kind of service."""
        for operation in service.operations:
            given = [word for word in PROTOCOLS if getattr(operation, word)]
            place = self._document.find(f"{node.path}.operations.{operation.name}")
            if len(given) > 1:
                self._document.error(place, f"may have only one of {' and '.join(given)}")
            for word in given:
                if service.kind not in PROTOCOLS[word]:
                    message = f"does not apply to a service of kind {service.kind} (for: {', '.join(PROTOCOLS[word])})"
                    self._document.error(place.entries.get(word, place), message)
        if service.system and service.kind not in ("database", "cache"):
            self._document.error(node.entries.get("system", node), "applies only to a database or a cache")
