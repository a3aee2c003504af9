"""All that a package may import that adds to meshquake: faults, actions, formats, distributions, policies, log lines.

    from meshquake.extending import Effect, Fault, key

Such a package says in its `pyproject.toml` what it adds (`docs/extending.md`). Everything here stays as it is from
version to version, or the change log says otherwise; what is not here is private.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshquake.exporters.formats.context import Context
    from meshquake.exporters.formats.registry import Format
    from meshquake.exporters.formats.sink import Sink
    from meshquake.faults.action import Action, Measure
    from meshquake.faults.effect import Effect
    from meshquake.faults.fault import Extent, Fault, Mended, Surface, Target, Window
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.policy import PASS, CallerPolicy
    from meshquake.sim.policies.draw import draw
    from meshquake.sim.records import RECORD_KINDS, Batch, Column, RecordKind
    from meshquake.topology.distributions import DAY, Distribution, Floats
    from meshquake.topology.errors import CODES, SUCCESS
    from meshquake.topology.keys import key
    from meshquake.topology.spec import Topology

__all__ = [
    "CODES",
    "DAY",
    "PASS",
    "RECORD_KINDS",
    "SUCCESS",
    "Action",
    "Batch",
    "Call",
    "CallerPolicy",
    "Column",
    "Context",
    "Distribution",
    "Effect",
    "Extent",
    "Fault",
    "Floats",
    "Format",
    "Measure",
    "Mended",
    "RecordKind",
    "Sink",
    "Surface",
    "Target",
    "Topology",
    "Window",
    "draw",
    "key",
]

#: Where each name is found. It is imported when it's first asked for, so that a distribution needs no simulator.
_HOMES = {
    "Context": "exporters.formats.context",
    "Effect": "faults.effect",
    "Format": "exporters.formats.registry",
    "Sink": "exporters.formats.sink",
    "Call": "sim.engine.call",
    "Topology": "topology.spec",
    "draw": "sim.policies.draw",
    "key": "topology.keys",
} | {
    name: home
    for home, names in {
        "faults.action": ("Action", "Measure"),
        "faults.fault": ("Extent", "Fault", "Mended", "Surface", "Target", "Window"),
        "sim.records": ("RECORD_KINDS", "Batch", "Column", "RecordKind"),
        "sim.engine.policy": ("PASS", "CallerPolicy"),
        "topology.errors": ("CODES", "SUCCESS"),
        "topology.distributions": ("DAY", "Distribution", "Floats"),
    }.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'meshquake.extending' has no attribute {name!r}")
    value = getattr(import_module(f"meshquake.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
