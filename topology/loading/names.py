"""The names of a topology file's services and operations: everything else in the file refers to them."""

from __future__ import annotations

from collections.abc import Iterable

from meshquake.topology.document import Document, Node
from meshquake.topology.loading.patterns import SERVICE_NAME
from meshquake.topology.naming import goes_on, parts
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: Faults use this name for the workload, so no service can have it.
USERS = "users"
#: The longest name of a service: the limit of a Kubernetes label.
_LONGEST = 63


class Names:
    """The names of a document.

    Attributes
    ----------
    known
        The operations of each service, as far as they have been read.
    kinds
        The kind of each service, including services that are refused for another reason.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._services: frozenset[str] = frozenset()
        self.known: dict[str, dict[str, None]] = {}
        self.kinds: dict[str, str] = {}

    def expect(self, services: Iterable[str]) -> None:
        """Announce the names of all services: `target` needs them before the services are read."""
        self._services = frozenset(services)

    def add(self, name: str, node: Node) -> None:
        """Add a service's name; report one that is invalid or conflicts with an earlier one."""
        refused = f"a service cannot be called {shown(name)}"
        if name == USERS or goes_on(name, USERS):
            self._document.error(node, f"{refused}: faults use that name for the workload")
        elif not SERVICE_NAME.fullmatch(name) or len(name) > _LONGEST:
            rule = f"up to {_LONGEST} letters, digits, hyphens, underscores and single dots, starting with a letter"
            self._document.error(node, f"{refused}: use {rule} (its display_name can be any other name)")
        for other in self.known:
            if _folded(other) == _folded(name):
                rule = "names must differ in more than case and underscores, which some formats do not tell apart"
            elif goes_on(name, other) or goes_on(other, name):
                rule = "one of them could also be an operation of the other (use a hyphen, and a display_name)"
            else:
                continue
            self._document.error(node, f"{refused} beside {shown(other)}: {rule}")
            break
        self.known[name] = {}

    def target(self, text: str, node: Node) -> tuple[str, str] | None:
        """Split a text into a service and an operation; whether they exist is for `exists` to check."""
        service, operation = parts(text, self._services)
        if not service or not operation:
            self._document.error(node, f"must be service.operation, not {shown(text)}")
            return None
        return service, operation

    def exists(self, node: Node, service: str, operation: str) -> bool:
        """Whether the operation exists; reports an error if not."""
        if service not in self.known:
            hint = suggestion(service, self.known)
            whole = [f"{name}.{each}" for name, operations in self.known.items() for each in operations]
            if "did you mean" not in hint and "did you mean" in (other := suggestion(f"{service}.{operation}", whole)):
                hint = other  # half of a dotted name, of a service or an operation
            self._document.error(node, f"there is no service {shown(service)}{hint}")
        elif operation not in self.known[service]:
            hint = suggestion(operation, self.known[service])
            self._document.error(node, f"{service} has no operation {shown(operation)}{hint}")
        else:
            return True
        return False

    def operation(self, text: str, node: Node) -> tuple[str, str] | None:
        """Return the service and the operation that a text names; None, and an error, if they don't exist."""
        names = self.target(text, node)
        return names if names is not None and self.exists(node, *names) else None


def _folded(name: str) -> str:
    """Return a service's name as formats see it that ignore case and underscores."""
    return name.lower().replace("_", "-")
