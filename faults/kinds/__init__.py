"""One kind of fault per file. Put another file here and scenario files can use it: nothing else needs to know."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from meshquake.faults.fault import Fault
from meshquake.topology.plugins import Extensible, of_type

#: In place of a list of kinds: all of our own that do harm, those that came with later versions included.
ALL = "all"


@cache
def fault_kinds() -> Extensible[type[Fault]]:
    """Every kind of fault, by the word for it in a scenario file: those in this folder, in alphabetical order; others.

    `any` is a kind that is left to the seed. It chooses among those of `lottery` unless a file names others, so that no
    run depends on what else happens to be installed; `all` names all of ours that do harm.
    """
    found: dict[str, type[Fault]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Fault) and "kind" in vars(value):
                found[value.kind] = value
    former = [kind.former for kind in found.values() if kind.former]
    return Extensible("meshquake.faults", dict(sorted(found.items())), of_type(Fault, "kind"), ("any", ALL, *former))


def lottery() -> list[type[Fault]]:
    """The kinds among which the seed chooses where a file leaves that open: our own that do harm, and are `drawn`."""
    return [kind for kind in harmful() if kind.drawn]


def harmful() -> list[type[Fault]]:
    """Our own kinds that do harm, which `all` stands for: in a later version they may be more."""
    return [kind for kind in fault_kinds().own.values() if not kind.harmless]


def renamed() -> dict[str, str]:
    """What kinds of fault were called once, and what they are called now."""
    return {kind.former: word for word, kind in fault_kinds().own.items() if kind.former}
