"""JSON Schemas of the blocks of a file, built from the keys that their types declare.

They say what `topology.binder` accepts, as far as a schema can. To the binder a value is a text until its key says what
it is; to an editor `16` is already a number, and `50%` isn't. So wherever a number may stand, a schema accepts numbers,
and texts of a number and its unit, within the same bounds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from meshquake.topology.amount_pattern import amount_pattern
from meshquake.topology.binder import BoundKey, keys_of
from meshquake.topology.json_schema import Schema, array, block, choice, either
from meshquake.topology.keys import Key
from meshquake.topology.portion import MOST
from meshquake.topology.reference import bounds
from meshquake.topology.units import UNITS

#: Schemas of the keys of unit "other", by key.
ByHand = Mapping[str, Schema]

#: A printable line of text, approximately: the loader catches other unprintable characters.
_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
_NOTHING: ByHand = MappingProxyType({})


def block_of(cls: type, by_hand: ByHand = _NOTHING, needed: Collection[str] = (), doc: str = "", **more: Any) -> Schema:
    """Return the schema of a type's block, or of the value that may stand in its place.

    Parameters
    ----------
    cls
        A type as `topology.binder.bind` takes it.
    by_hand
        Schemas of the keys of unit "other"; one without a schema isn't a key of the block.
    needed
        Keys that are required although the type has a default for them.
    doc
        Its description.
    more
        Further JSON Schema keywords for the block.
    """
    return either(doc, *_alternatives_of(cls, by_hand, needed, **more))


def keys_schema(cls: type, by_hand: ByHand = _NOTHING) -> dict[str, Schema]:
    """Return the schemas of a type's keys, each with the key's description; `by_hand` as in `block_of`."""
    schemas: dict[str, Schema] = {}
    for word, key in keys_of(cls).items():
        if key.grammar.unit != "other" or word in by_hand:
            none: list[Schema] = [{"const": "none"}] if key.grammar.none else []
            values = [*none, by_hand[word]] if word in by_hand else alternatives(key.grammar)
            doc = _joined("; ", key.grammar.doc, bounds(key.grammar))
            schemas[word] = either(doc, *values) | _default(key)
    return schemas


def alternatives(grammar: Key) -> list[Schema]:
    """Return the schemas of a key's possible values; a value must match one of them."""
    none: list[Schema] = [{"const": "none"}] if grammar.none else []
    if grammar.spec is not None and not grammar.many:
        return [*none, *_alternatives_of(grammar.spec)]
    one = scalar(grammar) if grammar.spec is None else either("", *_alternatives_of(grammar.spec))
    return [*none, one, array("", one, minItems=1)] if grammar.many else [*none, one]


def scalar(grammar: Key) -> Schema:
    """Return the schema of one plain value."""
    if grammar.choices:
        return choice("", grammar.choices)
    if grammar.unit == "flag":
        return choice("", (True, False, "true", "false"))
    if grammar.unit == "text":
        return {"type": ["string", "number", "boolean"], "pattern": _LINE}
    if grammar.unit == "portion":
        count = Key("count", "", low=0, high=MOST)
        share = amount_pattern({"%": Decimal("0.01")}, Decimal(0), Decimal(1))
        return _number(count) | matching(f"{amount(count)}|{share}", UNITS["portion"].what)
    return _number(grammar) | matching(amount(grammar), _joined(", ", UNITS[grammar.unit].what, bounds(grammar)))


def matching(pattern: str, what: str = "") -> Schema:
    """Return the keywords for a text that matches a whole pattern; many editors show `what` instead of it."""
    message = {"patternErrorMessage": f"must be {what}"} if what else {}
    return {"pattern": f"^(?:{pattern})$", **message}


def amount(grammar: Key) -> str:
    """Return the pattern of a number as a file may have it, followed by a unit if it needs one."""
    unit = UNITS[grammar.unit]
    low, high = (None if bound is None else Decimal(repr(bound)) for bound in (grammar.low, grammar.high))
    return amount_pattern(unit.scales, low, high, grammar.above, unit.whole)


def _number(grammar: Key) -> Schema:
    """Return the keywords for what YAML reads as a number."""
    unit = UNITS[grammar.unit]
    if "" not in unit.scales:
        return {"type": ["number", "string"], "minimum": 0, "maximum": 0} if _zero(grammar) else {"type": "string"}
    limits = {"exclusiveMinimum" if grammar.above else "minimum": grammar.low, "maximum": grammar.high}
    return {
        "type": ["integer" if unit.whole else "number", "string"],
        **{word: limit for word, limit in limits.items() if limit is not None},
    }


def _zero(grammar: Key) -> bool:
    """Whether 0 is within the bounds."""
    return (grammar.low is None or grammar.low < 0 or (grammar.low == 0 and not grammar.above)) and (
        grammar.high is None or grammar.high >= 0
    )


def _alternatives_of(cls: type, by_hand: ByHand = _NOTHING, needed: Collection[str] = (), **more: Any) -> list[Schema]:
    keys, schemas = keys_of(cls), keys_schema(cls, by_hand)
    required = {word for word in schemas if keys[word].default is MISSING or word in needed}
    whole = block(
        "",
        {word: schema for word, schema in schemas.items() if word in required},
        {word: schema for word, schema in schemas.items() if word not in required},
        **more,
    )
    shorthand = getattr(cls, "shorthand", None)
    return [whole, *alternatives(keys[shorthand].grammar)] if shorthand else [whole]


def _default(key: BoundKey) -> Schema:
    """Return the default of a key as a file has it; nothing if that isn't a plain value."""
    grammar, value = key.grammar, key.default
    if value in (None, ()) and grammar.none:
        return {"default": "none"}
    if value is MISSING or value is None or value == "" or grammar.unit not in UNITS:
        return {}
    if grammar.unit in ("count", "flag", "number", "cores"):
        return {"default": value}
    show = UNITS[grammar.unit].show
    return {"default": [show(each) for each in value] if grammar.many else show(value)}


def _joined(mark: str, *parts: str) -> str:
    return mark.join(filter(None, parts))
