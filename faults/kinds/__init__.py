"""One kind of fault per file. Put another file here and scenario files can use it: nothing else needs to know."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from meshquake.faults.fault import Fault
from meshquake.topology.plugins import Extensible, of_type

#: In place of a list of kinds: all of our own that are harmful, including those added in later versions.
ALL = "all"


@cache
def fault_kinds() -> Extensible[type[Fault]]:
    """Return every kind of fault, by its word in a scenario file: ours in alphabetical order, then others.

    `any` is a kind left to the seed, which chooses among those of `lottery` unless a file names others, so that no run
    depends on what else is installed; `all` names all of our own that are harmful.
    """
    found: dict[str, type[Fault]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Fault) and "kind" in vars(value):
                found[value.kind] = value
    former = [kind.former for kind in found.values() if kind.former]
    return Extensible("meshquake.faults", dict(sorted(found.items())), of_type(Fault, "kind"), ("any", ALL, *former))


def lottery() -> list[type[Fault]]:
    """Return the kinds among which the seed chooses if a file leaves that open: our own, harmful and `drawn`."""
    return [kind for kind in harmful() if kind.drawn]


def harmful() -> list[type[Fault]]:
    """Return our own kinds that are harmful, which `all` stands for; later versions may add some."""
    return [kind for kind in fault_kinds().own.values() if not kind.harmless]


def renamed() -> dict[str, str]:
    """Return the former words of renamed kinds of fault, with their current ones."""
    return {kind.former: word for word, kind in fault_kinds().own.items() if kind.former}
