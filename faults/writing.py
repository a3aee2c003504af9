"""Writes a fault as a scenario file would have it."""

from __future__ import annotations

from typing import Any

from meshquake.faults.fault import Fault
from meshquake.topology.binder import keys_of
from meshquake.topology.keys import Key
from meshquake.topology.units import UNITS


def block(fault: Fault) -> dict[str, Any]:
    """The kind of a fault, and its keys with their values as text, defaults included; without times that it has not.

    What a key switches off is left out where it's off by default.

    `{"kind": "slow", "id": "slow-1", "target": "database", "at": "0s", ..., "factor": "37.5"}`
    """
    spared = {word for word, means in (("for", fault.lasts), ("ramp", fault.ramps)) if not means}
    keys = {word: key for word, key in keys_of(type(fault)).items() if word not in spared}
    values = {word: (key, getattr(fault, key.field)) for word, key in keys.items()}
    return {"kind": fault.kind} | {
        word: written(key.grammar, value)
        for word, (key, value) in values.items()
        if value is not None or key.default is not None
    }


def written(grammar: Key, value: Any) -> Any:
    """A value as text, in the unit of its key; a list of such values, or a block of them by key."""
    if value is None:
        return "none"
    if grammar.spec is not None:
        return {word: written(key.grammar, getattr(value, key.field)) for word, key in keys_of(grammar.spec).items()}
    show = UNITS[grammar.unit].show if grammar.unit in UNITS else str
    return [show(one) for one in value] if grammar.many else show(value)
