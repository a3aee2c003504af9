"""What a scenario leaves to the seed, drawn value by value before its faults are read.

A value left to the seed is a range (`10..80`), a list to choose from, or `any`. The drawn value replaces it in the
document, and the fault is then read as if that had been written. Each draw is addressed by the seed, the fault's
position in its list, and the key, so that one more fault or key changes no other draw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import MISSING, dataclass, replace
from typing import TypeVar

from meshquake.faults.fault import Cause, Fault, Target
from meshquake.faults.kinds import ALL, harmful, lottery
from meshquake.faults.naming import named
from meshquake.faults.targets import candidates, missing, read_target, unfit
from meshquake.topology.addresses import address, uniform
from meshquake.topology.binder import ByHand, keys_of, read
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key
from meshquake.topology.spec import Topology
from meshquake.topology.units import UNITS

#: Stands for a kind or a target: any that fits.
ANY = "any"
#: Units of keys that accept a range, and the keys that are times but are read by hand.
MEASURES = ("duration", "count", "ratio", "number", "rate", "size", "cores")
EXTENTS = ("at", "for", "ramp")
#: Significant digits of drawn values.
_DIGITS = 3

T = TypeVar("T")


def draw(seed: int, *place: object) -> float:
    """Return a uniform in [0, 1) that belongs to a place in a scenario."""
    return uniform(address(seed, "scenario", *place), 0)


def choose(options: Iterable[T], seed: int, *place: object) -> T:
    """Return one of some options, identified by how they are written; ValueError if there are none.

    It has the highest random weight (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998):
    when an option is added or removed, the choice changes only to the new one or from the removed one.
    """
    return max(options, key=lambda option: draw(seed, *place, option))


@dataclass(frozen=True)
class Drawn:
    """A fault's block with drawn values in place; `refused` has the keys that could not be drawn, already reported."""

    block: Node
    changed: bool
    refused: Collection[str]


class Draws:
    """Makes the draws of a document, and reports what cannot be drawn.

    Without a mesh there is nothing to choose an `any` target from: such a key is refused silently.
    """

    def __init__(self, document: Document, seed: int, mesh: Topology | None) -> None:
        self._document = document
        self._seed = seed
        self._mesh = mesh

    # -- kinds --------------------------------------------------------------------------------------------------------

    def kind(self, block: Node, place: str) -> tuple[type[Fault], Node] | None:
        """Return the kind and the block of a fault written `any: {...}`; None, and an error, if no kind will do.

        In the block, required keys of the kind that the file does not set are left to the seed.
        """
        if block.kind != "map":
            self._document.error(block, f"must be a block of keys, or {{}} for any kind of fault, not {block}")
            return None
        entries = dict(block.entries)
        kinds = self._eligible(entries.pop("of", None))
        target = entries.get("target")
        targets = [] if target is None or _is_any(target) else self._named(target)
        if kinds is None or targets is None:
            return None
        first, *others = map(keys_of, kinds)
        common = [word for word in first if all(word in keys for keys in others)]
        unknown = [word for word in entries if word not in common]
        for word in unknown:
            message = f"is not a key of all these kinds (they share {', '.join(common)})"
            self._document.error(entries[word], message, line=entries[word].key_line)
        if unknown:
            return None
        fitting = {kind.drawn_as(): kind for kind in kinds if self._fits(kind, targets)}
        if not fitting:
            what = "every target named" if targets else "anything that requests reach"
            words = ", ".join(kind.kind for kind in kinds)
            self._document.error(target or block, f"none of these kinds of fault fits {what}: {words}")
            return None
        kind = fitting[choose(fitting, self._seed, place, "kind")]
        silent = {"target": ANY, **kind.ranges}
        defaults = {word: _written(block, word, text) for word, text in silent.items()}
        return kind, replace(block, entries=defaults | entries)

    def _eligible(self, of: Node | None) -> list[type[Fault]] | None:
        """Return the kinds to choose from, those named or those of the lottery; None, and an error, if unknown."""
        if of is None:
            return lottery()
        if of.text == ALL:
            return harmful()
        items = self._items(of)
        found = [named(self._document, item, item.text) for item in items]
        known = [kind for kind in found if kind is not None]
        return known if items and len(known) == len(found) else None

    def _fits(self, kind: type[Fault], targets: list[Target]) -> bool:
        """Whether a kind can act on each of some targets or, if none is named, on anything."""
        if self._mesh is None or targets:
            return not any(unfit(kind, target, self._mesh) for target in targets)
        return bool(candidates(kind, self._mesh))

    # -- values -------------------------------------------------------------------------------------------------------

    def values(self, kind: type[Cause], block: Node, place: str, by_hand: ByHand, wrong: Collection[str] = ()) -> Drawn:
        """Return a fault's block with drawn values in place of what is left to the seed; keys in `wrong` stay."""
        entries = dict(block.entries)
        refused: list[str] = [*wrong]
        for word, key in keys_of(kind).items():
            node = entries.get(word)
            if node is None or word in wrong:
                continue
            if word == "target" and (_is_any(node) or node.kind == "list"):
                text = self._target(kind, node, place)
            elif key.grammar.choices and node.kind == "list" and not key.grammar.many:
                text = self._choice(key.grammar, node, place, word)
            elif ".." in node.text and (key.grammar.unit in MEASURES or word in EXTENTS):
                text = self._between(key.grammar, node, place, word, by_hand)
            elif node.kind == "map" and (spec := kind.settings_of(word, entries)) is not None:
                drawn = self._within(node, spec, place, word)
                entries[word] = drawn or node
                refused += [word] * (drawn is None)
                continue
            else:
                continue
            if text is None:
                refused.append(word)
            else:
                entries[word] = replace(node, kind="scalar", text=text, items=[])
        return Drawn(replace(block, entries=entries), entries != block.entries, refused)

    def _target(self, kind: type[Cause], node: Node, place: str) -> str | None:
        if node.kind == "list":
            named = self._named(node, kind)
            return str(choose(named, self._seed, place, "target")) if named else None
        if self._mesh is None:
            return None
        levels = candidates(kind, self._mesh)
        if not levels:
            self._document.error(node, f"nothing that requests reach in this mesh fits a {kind.kind} {kind.what}")
            return None
        level = choose(levels, self._seed, place, "level")
        return str(choose(levels[level], self._seed, place, "target"))

    def _named(self, node: Node, kind: type[Cause] | None = None) -> list[Target] | None:
        """Return the targets named, one or a list; None, and errors, if one is no target or does not fit the kind."""
        targets, sound = [], True
        for item in self._items(node):
            try:
                target = read_target(item.text, self._mesh)
                problem = missing(target, self._mesh) if kind is None else unfit(kind, target, self._mesh)
                if problem:
                    raise ValueError(problem)
                targets.append(target)
            except ValueError as error:
                self._document.error(item, str(error))
                sound = False
        return targets if sound and targets else None

    def _choice(self, grammar: Key, node: Node, place: str, word: str) -> str | None:
        items = self._items(node)
        values = [read(self._document, grammar, item) for item in items]
        return choose(values, self._seed, place, word) if values and MISSING not in values else None

    def _between(self, grammar: Key, node: Node, place: str, word: str, by_hand: ByHand) -> str | None:
        """Return a value in a range: uniform or, for a plain number, which is a factor, log-uniform."""
        ends = [end.strip() for end in node.text.split("..", 1)]
        values = [read(self._document, grammar, replace(node, text=end), by_hand.get(word)) for end in ends]
        if MISSING in values:
            return None
        unit = grammar.unit
        if word in EXTENTS:
            shares = [end.endswith("%") for end in ends]
            if shares[0] != shares[1]:
                self._document.error(node, f"must be a range of times or a range of shares, not {node}")
                return None
            unit, part = ("ratio", "share") if shares[0] else ("duration", "seconds")
            values = [getattr(value, part) for value in values]
        low, high = values
        if low > high:
            self._document.error(node, f"is reversed: the smaller end comes first, as in {ends[1]}..{ends[0]}")
            return None
        at = draw(self._seed, place, word)
        if unit == "count":
            return UNITS[unit].show(low + int(at * (high - low + 1)))
        value = low * (high / low) ** at if unit == "number" and low > 0 else low + at * (high - low)
        return UNITS[unit].show(min(max(float(f"{value:.{_DIGITS}g}"), low), high))

    def _within(self, block: Node, spec: type, place: str, path: str) -> Node | None:
        """Return a block of settings with ranges drawn; None, and errors, where one could not be drawn."""
        entries = dict(block.entries)
        for word, key in keys_of(spec).items():
            node, grammar, below = entries.get(word), key.grammar, f"{path}.{word}"
            if node is None:
                continue
            drawn: Node | None = node
            if node.kind == "map" and grammar.spec is not None:
                drawn = self._within(node, grammar.spec, place, below)
            elif ".." in node.text and grammar.unit in MEASURES:
                text = self._between(grammar, node, place, below, {})
                drawn = None if text is None else replace(node, text=text)
            if drawn is None:
                return None
            entries[word] = drawn
        return replace(block, entries=entries)

    def _items(self, node: Node) -> list[Node]:
        """Return the options to choose from: the items of a list, which must be plain values, or a single one."""
        items = node.items if node.kind == "list" else [node]
        if not items:
            self._document.error(node, "must have at least one value to choose from")
        for item in items:
            if item.kind != "scalar":
                self._document.error(item, f"must be one value, not {item}")
        return [item for item in items if item.kind == "scalar"]


def _written(block: Node, word: str, text: str) -> Node:
    """Return the value of a key that a block lacks, as if it were written there."""
    root = Document.parse(text, "range").root
    for node in root.walk():
        node.path = f"{block.path}.{word}{node.path and '.'}{node.path}"
        node.line, node.key_line, node.origin = block.line, block.key_line, -1
    return root


def _is_any(node: Node) -> bool:
    return node.kind == "scalar" and node.text == ANY
