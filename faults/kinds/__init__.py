"""One kind of fault a file. Put another file here and scenario files can use it: nothing else needs to know."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from meshquake.faults.fault import Fault


@cache
def fault_kinds() -> dict[str, type[Fault]]:
    """Every kind of fault in this folder, by the word for it in a scenario file, in alphabetical order."""
    found: dict[str, type[Fault]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Fault) and "kind" in vars(value):
                found[value.kind] = value
    return dict(sorted(found.items()))


def renamed() -> dict[str, str]:
    """What kinds of fault were called once, and what they are called now."""
    return {kind.former: word for word, kind in fault_kinds().items() if kind.former}
