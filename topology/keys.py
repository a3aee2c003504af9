"""How a field of a frozen type declares what a file may say for it.

A spec type (a policy, a fault, a scenario) is a frozen dataclass whose fields are made by `key`. The declaration is the
whole grammar: the binder accepts or refuses documents by it, and schemas and documentation are generated from it, so
they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import Any

#: What a scalar in a document may be, and what it becomes: a duration becomes seconds; a ratio, a number in [0, 1]; a
#: rate, a number per second; a size, bytes; cores, a number of cores. A portion is a number of things or a share of
#: them.
UNITS = ("duration", "count", "ratio", "number", "rate", "size", "cores", "portion", "text", "choice", "flag")


@dataclass(frozen=True)
class Key:
    """The grammar of one key.

    `unit` is one of `UNITS`, or "spec" for a nested block of type `spec` (or a list of such blocks, if `many`), or
    "other" for a value that the loader reads by hand (operations, calls, targets). `low` and `high` bound a number
    after conversion, both inclusive unless `above` excludes `low` itself. `none` allows the word `none`, which switches
    an optional policy off. `varies` allows a distribution of such values in its place, which the loader reads by hand.
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
        The value when the key is absent; a key without a default is required.
    """
    grammar = Key(unit, doc, low, high, above, choices, many, none, spec, varies)
    return field(default=default, metadata={"key": grammar})
