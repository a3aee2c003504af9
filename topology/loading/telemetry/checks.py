"""What is wrong with the names and the patterns of a `telemetry:` block."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from meshquake.topology.document import Document, Node
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: What a name may be, for those who wrote another.
NAMES = "up to 200 letters, digits and any of _ : . -, no digit first"


def items(node: Node, word: str) -> list[Node]:
    """The items of a list that is a value of a block, or that value, where it is alone."""
    value = node.entries.get(word)
    return [] if value is None else value.items if value.kind == "list" else [value]


def check_like(document: Document, node: Node, pattern: str, names: Collection[str], what: str) -> None:
    """An error if no name is like a pattern; nothing is known of any if there are none."""
    if names and not any(fnmatchcase(name, pattern) for name in names):
        document.error(node, f"no {what} is called like {shown(pattern)}{suggestion(pattern, names)}")
