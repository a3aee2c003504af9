"""Checks of the names and patterns in a `telemetry:` block."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from meshquake.topology.document import Document, Node
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: The rule for names, for error messages.
NAMES = "up to 200 letters, digits and any of _ : . -, not starting with a digit"


def items(node: Node, word: str) -> list[Node]:
    """Return the items of a key's list; a single value counts as a list of one."""
    value = node.entries.get(word)
    return [] if value is None else value.items if value.kind == "list" else [value]


def check_like(document: Document, node: Node, pattern: str, names: Collection[str], what: str) -> None:
    """Report a pattern that matches none of the names; without names, anything goes."""
    if names and not any(fnmatchcase(name, pattern) for name in names):
        document.error(node, f"no {what} matches {shown(pattern)}{suggestion(pattern, names)}")
