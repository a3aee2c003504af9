"""What the services of a topology file and their operations are called: all else that it says refers to them."""

from __future__ import annotations

import re

from meshquake.topology.document import Document, Node
from meshquake.topology.loading.patterns import SERVICE_NAME
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: What faults call the workload, so no service can be called that.
USERS = "users"
_TARGET = re.compile(r"([^.]+)\.(.+)")


class Names:
    """The names of a document.

    Attributes
    ----------
    known
        The operations of each service, as far as they have been read.
    kinds
        The kind of each service, of those too that are refused for another reason.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.known: dict[str, dict[str, None]] = {}
        self.kinds: dict[str, str] = {}

    def add(self, name: str, node: Node) -> None:
        """A service of that name; an error if it cannot be called so."""
        if not SERVICE_NAME.fullmatch(name) or name == USERS:
            rule = "up to 63 letters, digits, hyphens and underscores, a letter first"
            reason = "that is what faults call the workload" if name == USERS else f"use {rule}"
            self._document.error(node, f"a service cannot be called {shown(name)}: {reason}")
        alike = next((other for other in self.known if _folded(other) == _folded(name)), None)
        if alike is not None:
            rule = "names must differ in more than case and underscores, which some formats do not tell apart"
            self._document.error(node, f"a service cannot be called {shown(name)} beside {shown(alike)}: {rule}")
        self.known[name] = {}

    def target(self, text: str, node: Node) -> tuple[str, str] | None:
        """The service and the operation that a text names; whether they exist is `exists`."""
        match = _TARGET.fullmatch(text)
        if match is None:
            self._document.error(node, f"must be service.operation, not {shown(text)}")
            return None
        return match[1], match[2]

    def exists(self, node: Node, service: str, operation: str) -> bool:
        """Whether there is such an operation; an error if not."""
        if service not in self.known:
            self._document.error(node, f"there is no service {shown(service)}{suggestion(service, self.known)}")
        elif operation not in self.known[service]:
            hint = suggestion(operation, self.known[service])
            self._document.error(node, f"{service} has no operation {shown(operation)}{hint}")
        else:
            return True
        return False

    def operation(self, text: str, node: Node) -> tuple[str, str] | None:
        """The service and the operation that a text names; None, and an error, if there is none."""
        names = self.target(text, node)
        return names if names is not None and self.exists(node, *names) else None


def _folded(name: str) -> str:
    """A service's name in formats that know neither case nor underscores."""
    return name.lower().replace("_", "-")
