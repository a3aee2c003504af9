"""One kind of action per file. Put another file here and scenario files can use it: nothing else needs to know."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from meshquake.faults.action import Action
from meshquake.topology.plugins import Extensible, of_type


@cache
def action_kinds() -> Extensible[type[Action]]:
    """Return every kind of action, by its word in a scenario file: those in this folder first."""
    found: dict[str, type[Action]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Action) and "kind" in vars(value):
                found[value.kind] = value
    return Extensible("meshquake.actions", dict(sorted(found.items())), of_type(Action, "kind"))
