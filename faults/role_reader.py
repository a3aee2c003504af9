"""Replaces the roles in a scenario's document by names, which are then read as if they had been written there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from meshquake.faults.fault import Cause
from meshquake.faults.naming import FAULTS, Words
from meshquake.faults.role import EVERY, Role
from meshquake.topology.binder import bind
from meshquake.topology.document import Document, Node
from meshquake.topology.spec import Topology


@dataclass(frozen=True)
class Named:
    """An item of a list of faults, with names in place of its roles.

    Attributes
    ----------
    item
        The item.
    role
        The role given in place of the target, as in a file; empty if there was none.
    refused
        Whether no names were found, which was reported; the role is still in place.
    """

    item: Node
    role: str = ""
    refused: bool = False


class RoleReader:
    """Finds what has the roles in a document, and reports roles that nothing has.

    Without a mesh there is nothing to find: only the form of roles is checked.
    """

    def __init__(self, document: Document, mesh: Topology | None) -> None:
        self._document = document
        self._mesh = mesh

    def named(self, item: Node, words: Words = FAULTS) -> list[Named]:
        """Return an item with names in place of roles: for `every` any number of items. `words` are those of its list.

        In a list of targets from which the seed chooses one, `every` stands for all of them.
        """
        if len(item.entries) != 1:
            return [Named(item)]
        ((word, block),) = item.entries.items()
        kind = words.get(word)
        if "targets" in block.entries and any(each.kind == "map" for each in _each(block.entries["targets"])):
            return self._grouped(item, kind, word, block)
        target = block.entries.get("target")
        if target is None or not any(each.kind == "map" for each in (target, *target.items)):
            return [Named(item)]
        if target.kind == "map":
            found = self._names(target, kind)
            targets = [] if found is None else found
        else:
            several = [self._names(each, kind) for each in target.items]
            found = None if None in several else [name for names in several if names for name in names]
            targets = [replace(target, items=found)] if found else []
        if found is None:
            return [Named(item, refused=True)]
        if not targets:
            self._document.warn(target, f"nothing in this mesh is {_written(target)}: it is left out")
        elif target.kind == "map" and target.entries.get("role", target).text == EVERY:
            return [Named(_with(item, each, number), _written(target)) for number, each in enumerate(targets, 1)]
        return [Named(_with(item, each), _written(target)) for each in targets]

    def _grouped(self, item: Node, kind: type[Cause] | None, word: str, block: Node) -> list[Named]:
        """Return an item with names in place of the roles among its `targets`, where `every` stands for all."""
        group = block.entries["targets"]
        several = [self._names(each, kind) for each in _each(group)]
        if None in several:
            return [Named(item, refused=True)]
        found = [name for names in several if names for name in names]
        if not found:
            self._document.warn(group, f"nothing in this mesh is {_written(group)}: it is left out")
            return []
        named = replace(group, kind="list", items=found, entries={})
        return [
            Named(
                replace(item, entries={word: replace(block, entries=block.entries | {"targets": named})}),
                _written(group),
            )
        ]

    def _names(self, node: Node, kind: type[Cause] | None) -> list[Node] | None:
        """Return the names for a target; None, and an error, if it is a role that nothing has."""
        if node.kind == "scalar":
            return [node]
        before = len(self._document.problems)
        role = bind(self._document, Role, node)
        if role is None or len(self._document.problems) > before:
            return None
        try:
            if role.contradiction:
                raise ValueError(role.contradiction)
            found = [] if self._mesh is None else role.targets(kind, self._mesh)
        except ValueError as error:
            self._document.error(node, str(error))
            return None
        if self._mesh is None:
            return None
        return [replace(node, kind="scalar", text=str(target), entries={}) for target in found]


def _each(node: Node) -> list[Node]:
    """Return the items of a list, or a single value as one."""
    return node.items if node.kind == "list" else [node]


def _with(item: Node, target: Node, number: int | None = None) -> Node:
    """Return an item with another target; a `number` makes its id unique among several."""
    ((word, block),) = item.entries.items()
    entries = block.entries | {"target": target}
    if number is not None and "id" in entries:
        entries["id"] = replace(entries["id"], text=f"{entries['id'].text}-{number}")
    return replace(item, entries={word: replace(block, entries=entries)})


def _written(node: Node) -> str:
    """Return a value as written in a file, in one line."""
    if node.kind == "scalar":
        return node.text
    if node.kind == "list":
        return f"[{', '.join(map(_written, node.items))}]"
    return f"{{{', '.join(_pairs(node))}}}"


def _pairs(node: Node) -> Iterator[str]:
    return (f"{word}: {_written(each)}" for word, each in node.entries.items())
