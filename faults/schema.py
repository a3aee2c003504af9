"""The JSON Schema of scenario files, from the declarations that `faults.loader` uses.

The loader finds what a schema cannot express: targets and roles that the mesh lacks, windows outside the recording,
duplicate ids, reversed ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from inspect import getdoc

from meshquake.faults.actions import action_kinds
from meshquake.faults.draws import ANY, EXTENTS, MEASURES
from meshquake.faults.fault import LARGEST, LEVELS, LONGEST, Cause, Fault
from meshquake.faults.kinds import ALL, fault_kinds, harmful, lottery, renamed
from meshquake.faults.loader import NAME
from meshquake.faults.observability import Observability
from meshquake.faults.role import Role
from meshquake.faults.scenario import Scenario
from meshquake.faults.targets import LEVEL_NAMES
from meshquake.topology.amount_pattern import amount_pattern
from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import DISTRIBUTIONS
from meshquake.topology.json_schema import Schema, array, block, choice, document, either, ref
from meshquake.topology.key_schema import alternatives, amount, block_of, keys_schema, matching, scalar
from meshquake.topology.keys import Key
from meshquake.topology.loading.names import USERS
from meshquake.topology.reference import bounds
from meshquake.topology.schema import OPERATION, SERVICE
from meshquake.topology.shapes import SHAPES
from meshquake.topology.telemetry.schema import telemetry_schema
from meshquake.topology.units import UNITS

#: A service, or one of its replicas.
_END = rf"{SERVICE}(?:\[\d{{1,6}}\])?"
#: How a target of each level is written.
_TARGETS = {
    "service": SERVICE,
    "replica": rf"{SERVICE}\[\d{{1,6}}\]",
    "operation": OPERATION,
    "edge": rf"{_END}\s*->\s*{_END}",
    "users": USERS,
}

#: Keys of every fault with a grammar of their own.
_READ_APART = ("target", "targets", "shape")


def scenario_schema() -> Schema:
    """Return the schema of a scenario file (draft 2020-12), with every kind of fault and action."""
    faults = array("", ref("fault"))
    name = {"type": ["string", "number", "boolean"]} | matching(NAME.pattern, "letters, digits, `-` and `_`")
    by_hand = {"name": name, "faults": faults, "background": faults, "observability": block_of(Observability)}
    by_hand |= {"actions": array("", ref("action")), "telemetry": telemetry_schema()}
    whole = block_of(Scenario, by_hand, doc="What happens on a mesh.")
    kinds, actions = fault_kinds(), action_kinds()
    return document("scenario", whole) | {
        "$defs": {
            "fault": block(
                "one kind of fault and its keys",
                {},
                {
                    **{word: ref(f"kind.{word}") for word in kinds},
                    **{word: ref(f"kind.{now}") | {"deprecated": True} for word, now in renamed().items()},
                    ANY: ref(ANY),
                },
                minProperties=1,
                maxProperties=1,
            ),
            ANY: _any(),
            "action": block(
                "one kind of action and its keys",
                {},
                {word: ref(f"action.{word}") for word in actions},
                minProperties=1,
                maxProperties=1,
            ),
            "role": block_of(Role, doc=getdoc(Role) or ""),
            **{f"kind.{word}": block_of(kind, _keys(kind), doc=getdoc(kind) or "") for word, kind in kinds.items()},
            **{f"action.{word}": block_of(kind, _keys(kind), doc=getdoc(kind) or "") for word, kind in actions.items()},
            **{
                f"key.{word}": _value(word, key.grammar)
                for word, key in keys_of(Fault).items()
                if word not in _READ_APART
            },
        }
    }


def _keys(kind: type[Cause]) -> dict[str, Schema]:
    """Return the values of a kind's keys; those that every fault has are defined once, except the target."""
    keys, shared = keys_of(kind), keys_of(Fault)
    values = {
        word: ref(f"key.{word}") if shared.get(word) == key else _value(word, key.grammar)
        for word, key in keys.items()
        if key.grammar.unit != "other" or word in EXTENTS
    }
    if "set" in keys:
        values["set"] = {"type": "object", "minProperties": 1}
    shapes = () if not issubclass(kind, Fault) else tuple(SHAPES) if kind.ramps else kind.shapes
    return values | _read_apart(kind.levels, shapes)


def _read_apart(levels: Sequence[str], shapes: Sequence[str] = tuple(SHAPES)) -> dict[str, Schema]:
    """Return the values of the keys with a grammar of their own."""
    one = {word: block_of(SHAPES[word]) for word in shapes}
    return {
        "target": _target(levels),
        "targets": either("", ref("role"), array("all of them, as one cause", _one_target(levels), minItems=1)),
        **({"shape": block("", {}, one, minProperties=1, maxProperties=1)} if one else {}),
    }


def _any() -> Schema:
    """Return a fault whose kind is left to the seed: it has the keys common to the kinds to choose from."""
    kinds = fault_kinds()
    named = {**kinds, **{word: kinds[now] for word, now in renamed().items()}}
    shared = {word: ref(f"key.{word}") for word in keys_of(Fault) if word not in _READ_APART} | _read_apart(LEVELS)
    one, all_ours = choice("", named), {"const": ALL}
    usual, all_ = (sorted(set.intersection(*(set(keys_of(kind)) for kind in some))) for some in (lottery(), harmful()))
    return {
        "description": "any kind of fault, or one of some",
        "type": "object",
        "properties": {
            "of": either(
                "the kinds to choose from (default: those that are drawn)", all_ours, one, array("", one, minItems=1)
            ),
            **keys_schema(Fault, shared),
        },
        "allOf": [
            {"if": {"required": ["of"]}, "else": _only(usual)},
            {"if": {"required": ["of"], "properties": {"of": all_ours}}, "then": _only(["of", *all_])},
            *(_if_named(word, kind) for word, kind in named.items()),
        ],
    }


def _if_named(word: str, kind: type[Fault]) -> Schema:
    """Return what the block of `any` may have if it names a kind."""
    own = {key: ref(f"kind.{kind.kind}/properties/{key}") for key in keys_of(kind) if key not in keys_of(Fault)}
    named = either("", {"const": word}, {"type": "array", "contains": {"const": word}})
    return {
        "if": {"required": ["of"], "properties": {"of": named}},
        "then": _only(["of", *keys_of(kind)]) | {"properties": own},
    }


def _only(words: Iterable[str]) -> Schema:
    return {"propertyNames": choice("", words)}


# -- values, which may be left to the seed -----------------------------------------------------------------------------


def _value(word: str, grammar: Key) -> Schema:
    """Return the value of a key: given by the file, or left to the seed."""
    if word in EXTENTS:
        return _extent(negative=word == "at")
    values = alternatives(grammar)
    if grammar.varies:
        words = choice("", DISTRIBUTIONS)
        values.insert(0, {"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": words})
    if grammar.unit in MEASURES and not grammar.many:
        what = f"{UNITS[grammar.unit].what}, {bounds(grammar)}, or a range of such"
        return either("", *values[:-1], values[-1] | matching(_range(amount(grammar)), what))
    if grammar.choices and not grammar.many:
        values.append(array("the seed chooses one", scalar(grammar), minItems=1))
    return either("", *values)


def _extent(negative: bool) -> Schema:
    """Return a time, or a share of the incident."""
    times, shares = (
        amount_pattern(scales, -most if negative else Decimal(), most)
        for scales, most in ((UNITS["duration"].scales, Decimal(LONGEST)), ({"%": Decimal("0.01")}, Decimal(LARGEST)))
    )
    what = "a time such as 30s, a share of the incident such as 50%, or a range of such"
    text = matching(f"{_range(times)}|{_range(shares)}", what)
    return {"type": ["number", "string"], "minimum": 0, "maximum": 0} | text


def _range(amounts: str) -> str:
    """Return the pattern of a value, or a range of values."""
    return rf"{amounts}(?:\s*\.\.\s*{amounts})?"


def _target(levels: Iterable[str]) -> Schema:
    """Return a target of some levels or a role, or any target, or a list of which the seed chooses one."""
    name, one = _name(levels), _one_target(levels)
    return either("", {"const": ANY}, name, ref("role"), array("the seed chooses one", one, minItems=1))


def _one_target(levels: Iterable[str]) -> Schema:
    return either("", _name(levels), ref("role"))


def _name(levels: Iterable[str]) -> Schema:
    what = " or ".join(LEVEL_NAMES[level] for level in levels)
    return {"type": "string"} | matching(rf"\s*(?:{'|'.join(_TARGETS[level] for level in levels)})\s*", what)
