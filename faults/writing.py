"""Writes a fault or an action as in a scenario file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshquake.faults.change import Change
from meshquake.faults.fault import Cause, Fault
from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import Distribution, Mixture
from meshquake.topology.keys import Key
from meshquake.topology.shapes import Shape
from meshquake.topology.units import UNITS, ratio


def block(cause: Cause) -> dict[str, Any]:
    """Return the kind of a fault or an action, and its keys with their values as text, including defaults.

    Times that the kind does not have are left out, and so are keys that are off by default and not set.

    `{"kind": "slow", "id": "slow-1", "target": "database", "at": "0s", ..., "factor": "37.5"}`
    """
    spared = {"target" if cause.targets else "targets"}
    if isinstance(cause, Fault):
        spared |= {word for word, means in (("for", cause.lasts), ("ramp", cause.ramps)) if not means}
    keys = {word: key for word, key in keys_of(type(cause)).items() if word not in spared}
    values = {word: (key, getattr(cause, key.field)) for word, key in keys.items()}
    return {"kind": cause.kind} | {
        word: written(key.grammar, value)
        for word, (key, value) in values.items()
        if value is not None or key.default is not None
    }


def written(grammar: Key, value: Any) -> Any:
    """Return a value as text, in the unit of its key; a list of such values, or a block of them by key."""
    if value is None:
        return "none"
    if isinstance(value, Change):
        return value.texts()
    if isinstance(value, Mixture):
        parts = zip(value.weights, value.parts, strict=True)
        return {value.word: [{"weight": ratio(weight), **written(grammar, part)} for weight, part in parts]}
    if isinstance(value, Distribution | Shape):
        # In a distribution of plain numbers, the parameters that are otherwise times are numbers.
        keys = {word: (key.field, key.grammar) for word, key in keys_of(type(value)).items()}
        if grammar.varies:
            keys = {
                word: (field, replace(own, unit=grammar.unit) if own.unit == "duration" else own)
                for word, (field, own) in keys.items()
            }
        values = {word: (own, getattr(value, field)) for word, (field, own) in keys.items()}
        return {value.word: {word: written(*each) for word, each in values.items() if each[1] is not None}}
    if isinstance(value, tuple) and not grammar.many:
        return [str(one) for one in value]
    if grammar.spec is not None and grammar.many:
        return [written(replace(grammar, many=False), one) for one in value]
    if grammar.spec is not None:
        return {word: written(key.grammar, getattr(value, key.field)) for word, key in keys_of(grammar.spec).items()}
    show = UNITS[grammar.unit].show if grammar.unit in UNITS else str
    return [show(one) for one in value] if grammar.many else show(value)
