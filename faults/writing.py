"""Writes a fault as a scenario file would have it."""

from __future__ import annotations

from typing import Any

from meshquake.faults.fault import Fault
from meshquake.topology.binder import keys_of
from meshquake.topology.keys import Key
from meshquake.topology.units import UNITS


def block(fault: Fault) -> dict[str, Any]:
    """The kind of a fault, and its keys with their values as text, defaults included; without times that it has not.

    `{"kind": "slow", "id": "slow-1", "target": "database", "at": "0s", ..., "factor": "37.5"}`
    """
    spared = {word for word, means in (("for", fault.lasts), ("ramp", fault.ramps)) if not means}
    keys = {word: key for word, key in keys_of(type(fault)).items() if word not in spared}
    values = {word: written(key.grammar, getattr(fault, key.field)) for word, key in keys.items()}
    return {"kind": fault.kind, **values}


def written(grammar: Key, value: Any) -> Any:
    """A value as text, in the unit of its key, or a list of such values."""
    if value is None:
        return "none"
    show = UNITS[grammar.unit].show if grammar.unit in UNITS else str
    return [show(one) for one in value] if grammar.many else show(value)
