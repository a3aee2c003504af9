"""Turns a block of a document into a frozen type, by the keys that the type declares (`topology.keys`).

A type's fields are the whole grammar of its block. Where layers of defaults lie under a block, each layer is read once,
on its own, into the values it sets (`settings`); layers are merged as values (`overlay`), and only the result becomes
an instance (`build`). So an error in a default is reported once, where it is written.

Keys of unit "other" are read by functions that the caller supplies, by key: each gets the node, reports what is wrong
with it, and returns the value, or None if it's refused. An "other" key without such a function isn't a key of the
block. A field whose name would be a Python keyword has an underscore appended (the key `for` sets the field `for_`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from types import MappingProxyType
from typing import Any, TypeVar

from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.units import UNITS

T = TypeVar("T")

#: What a block sets, by key: values in their units, `Settings` for a nested block, None for `none`.
Settings = dict[str, Any]
#: Functions that read the keys of unit "other".
ByHand = Mapping[str, Callable[[Node], Any]]

_NOTHING: ByHand = MappingProxyType({})
_NOWHERE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class BoundKey:
    """A key as its type declares it: the field it sets, its grammar, and its default (`MISSING` if required)."""

    field: str
    grammar: Key
    default: Any


_keys: dict[type, dict[str, BoundKey]] = {}


def keys_of(cls: type) -> dict[str, BoundKey]:
    """Return the keys that a block of type `cls` may have, in the order of its fields."""
    if cls not in _keys:
        _keys[cls] = {
            field.name.rstrip("_"): BoundKey(field.name, field.metadata["key"], field.default)
            for field in fields(cls)
            if "key" in field.metadata
        }
    return _keys[cls]


def bind(
    document: Document,
    cls: type[T],
    node: Node,
    by_hand: ByHand = _NOTHING,
    also: Collection[str] = (),
    **fixed: Any,
) -> T | None:
    """Make an instance of a frozen type from a block, and report everything that is wrong with the block.

    Parameters
    ----------
    document
        Collects the errors.
    cls
        A dataclass whose fields are made by `topology.keys.key`. If it has a `shorthand`, the name of a key, then a
        plain value in place of the block is the value of that key. If it has `instead`, that maps keys that people may
        try to hints for the error message.
    node
        The block.
    by_hand
        Functions that read the keys of unit "other".
    also
        Keys of the block that the caller reads itself.
    fixed
        Fields that don't come from the block.

    Returns
    -------
    instance or None
        With defaults in place of refused values; None if a required value is missing or refused.
    """
    return build(cls, settings(document, cls, node, by_hand, also), **fixed)


def settings(
    document: Document, cls: type, node: Node, by_hand: ByHand = _NOTHING, also: Collection[str] = ()
) -> Settings:
    """Return what a block sets, without defaults: the first half of `bind`, with the same parameters."""
    keys = {word: key for word, key in keys_of(cls).items() if key.grammar.unit != "other" or word in by_hand}
    shorthand = getattr(cls, "shorthand", None)
    meant = next((word for word, key in keys.items() if node.text in key.grammar.choices), shorthand)
    if node.kind == "scalar" and meant != shorthand:
        document.error(node, f"must be {{{meant}: {node.text}}}, not {node}")
        return {}
    if shorthand and (node.kind == "scalar" or (node.kind == "list" and keys[shorthand].grammar.many)):
        entries = {shorthand: node}
    else:
        entries = block(document, node, [word for word, key in keys.items() if key.default is MISSING])
    found: Settings = {}
    for word, entry in entries.items():
        if word in keys:
            value = read(document, keys[word].grammar, entry, by_hand.get(word))
            if value is not MISSING:
                found[word] = value
        elif word not in also:
            instead: Mapping[str, str] = getattr(cls, "instead", _NOWHERE)
            hint = f": {instead[word]}" if word in instead else suggestion(word, [*keys, *also])
            message = f"unknown key {word!r}{hint}"
            document.error(node, message, line=entry.key_line)
    if node.kind == "map":
        for word, key in keys.items():
            if key.default is MISSING and word not in entries:
                document.error(node, f"missing key {word!r}")
    return found


def build(cls: type[T], values: Settings, **fixed: Any) -> T | None:
    """Make an instance of `cls` from values, with defaults for the rest; None if a required value is missing."""
    arguments = dict(fixed)
    for word, key in keys_of(cls).items():
        value = values.get(word, MISSING)
        if key.grammar.spec is not None and value is not MISSING and value is not None:
            blocks = [build(key.grammar.spec, one) for one in (value if key.grammar.many else [value])]
            if None in blocks:
                return None
            value = tuple(blocks) if key.grammar.many else blocks[0]
        if value is not MISSING:
            arguments[key.field] = value
        elif key.default is MISSING and key.field not in fixed:
            return None
    return cls(**arguments)


def overlay(cls: type, lower: Settings, upper: Settings) -> Settings:
    """Merge the settings of two layers of type `cls`: `upper` wins, key by key, in nested blocks too.

    A block over `none`, or over nothing, starts from its type's defaults; `none` removes a block below it. Blocks by
    name among the values read by hand are merged in the same way.
    """
    merged = lower | upper
    for word, key in keys_of(cls).items():
        nested = key.grammar.spec is not None and not key.grammar.many
        if nested and lower.get(word) is not None and upper.get(word) is not None:
            assert key.grammar.spec is not None
            merged[word] = overlay(key.grammar.spec, lower[word], upper[word])
        elif isinstance(lower.get(word), dict) and isinstance(upper.get(word), dict):
            merged[word] = {**lower[word], **upper[word]}
            for name in lower[word].keys() & upper[word].keys():
                if lower[word][name] is not None and upper[word][name] is not None:
                    merged[word][name] = lower[word][name] | upper[word][name]
    return merged


def block(document: Document, node: Node, required: Sequence[str] = ()) -> dict[str, Node]:
    """Return the entries of a block; if it isn't a block, none, and an error that says what such a block must have."""
    if node.kind != "map":
        if node.is_empty:
            document.error(node, "has no value: write {} to leave everything at its default")
        else:
            what = f"a block with {listed(required)}" if required else "a block of keys"
            document.error(node, f"must be {what}, not {node}")
    return node.entries


def read(document: Document, grammar: Key, node: Node, by_hand: Callable[[Node], Any] | None = None) -> Any:
    """Read the value of one key; return `dataclasses.MISSING`, and report an error, if it's refused."""
    if grammar.none and node.is_none:
        return None
    if by_hand is not None:
        value = by_hand(node)
        return MISSING if value is None else value
    if not grammar.many:
        return _one(document, grammar, node)
    items = node.items if node.kind == "list" else [node]
    if not items:
        document.error(node, "must have at least one value")
    values = tuple(value for item in items if (value := _one(document, grammar, item)) is not MISSING)
    return values if items and len(values) == len(items) else MISSING


def _one(document: Document, grammar: Key, node: Node) -> Any:
    """Read a single value of a key, whether or not the key may have several."""
    if grammar.spec is not None:
        return settings(document, grammar.spec, node)
    return _scalar(document, grammar, node)


def _scalar(document: Document, grammar: Key, node: Node) -> Any:
    try:
        if node.kind != "scalar":
            raise ValueError(f"must be one value, not {node}")
        if node.is_empty:
            raise ValueError("has no value")
        value = UNITS[grammar.unit].parse(node.text)
        _within_bounds(grammar, value, node)
        return value
    except ValueError as error:
        document.error(node, f"{error}{' (none switches it off)' if grammar.none else ''}")
        return MISSING


def _within_bounds(grammar: Key, value: Any, node: Node) -> None:
    if grammar.choices and value not in grammar.choices:
        raise ValueError(f"cannot be {node}{suggestion(node.text, grammar.choices)}")
    show = UNITS[grammar.unit].show
    if grammar.low is not None and grammar.above and value <= grammar.low:
        raise ValueError(f"must be more than {show(grammar.low)}, not {node.text}")
    if grammar.low is not None and value < grammar.low:
        raise ValueError(f"must be at least {show(grammar.low)}, not {node.text}")
    if grammar.high is not None and value > grammar.high:
        raise ValueError(f"must be at most {show(grammar.high)}, not {node.text}")
