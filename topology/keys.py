"""How a field of a frozen type says what the file may hold for it.

A spec type (a policy, a fault, a scenario) is a frozen dataclass whose fields are made by `key`. The
declaration is the whole grammar: the binder reads it to accept or refuse a document, and the documentation
reads it to print its tables, so the three cannot drift apart.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import Any

#: What a scalar in a document may be, and what it becomes: durations become seconds, ratios become a number
#: in [0, 1], rates become a number per second, sizes become bytes, cores stay a number of them; a portion is a number
#: or a share of things.
UNITS = ("duration", "count", "ratio", "number", "rate", "size", "cores", "portion", "text", "choice", "flag")


@dataclass(frozen=True)
class Key:
    """The grammar of one key.

    `unit` is one of `UNITS`, or "spec" for a nested block of its own type (`many`: or a list of
    them), or "other" for a value that the loader reads by hand (operations, calls, targets). `low` and `high` bound a
    number after conversion, both inclusive unless `above` says that `low` itself is refused. `none` allows the word
    `none`, which switches an optional policy off. `varies` says that a distribution of such values may stand in its
    place, which the loader reads by hand.
    """

    unit: str
    doc: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    choices: tuple[str, ...] = ()
    many: bool = False
    none: bool = False
    spec: type | None = None
    varies: bool = False


def key(
    unit: str,
    doc: str,
    default: Any = MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    above: bool = False,
    choices: tuple[str, ...] = (),
    many: bool = False,
    none: bool = False,
    spec: type | None = None,
    varies: bool = False,
) -> Any:
    """Declare a dataclass field that a document may set.

    Parameters
    ----------
    unit, doc, low, high, above, choices, many, none, spec, varies
        See `Key`; `many` accepts a list of such values, kept as a tuple.
    default
        The value when the key is absent; a key without one is required.
    """
    grammar = Key(unit, doc, low, high, above, choices, many, none, spec, varies)
    return field(default=default, metadata={"key": grammar})
