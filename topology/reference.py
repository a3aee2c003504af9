"""The keys of a type as a table, so that the documentation says what the binder does.

In a document a table stands between `<!-- keys of meshquake.topology.spec.Service -->` and `<!-- end -->`; the type may
be any whose fields are made by `topology.keys.key`, kinds of faults included.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, is_dataclass
from pkgutil import resolve_name
from typing import Any

from meshquake.topology.binder import BoundKey, keys_of
from meshquake.topology.keys import Key
from meshquake.topology.units import UNITS

_TABLE = re.compile(r"(<!-- keys of (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(cls: type) -> str:
    """Return the keys of a type as a Markdown table, one row per key: value, default, bounds, meaning.

    Parameters
    ----------
    cls
        A dataclass whose fields are made by `topology.keys.key`.
    """
    shorthand = getattr(cls, "shorthand", None)
    rows = ["| key | value | default | bounds | meaning |", "|---|---|---|---|---|"]
    for word, key in keys_of(cls).items():
        meaning = f"{key.grammar.doc} (short form: this value alone)" if word == shorthand else key.grammar.doc
        rows.append(f"| `{word}` | {_value(key.grammar)} | {_default(key)} | {bounds(key.grammar)} | {meaning} |")
    return "\n".join(rows) + "\n"


def renew(text: str) -> str:
    """Return a document with its tables regenerated."""
    return _TABLE.sub(lambda match: f"{match[1]}{table(resolve_name(match[2]))}{match[3]}", text)


def bounds(grammar: Key) -> str:
    """Return the bounds of a number, as in `from 1 to 10`; empty if it has none."""
    if grammar.unit not in UNITS:
        return ""
    show = UNITS[grammar.unit].show
    low = "" if grammar.low is None else f"{'more than' if grammar.above else 'from'} {show(grammar.low)}"
    high = "" if grammar.high is None else f"to {show(grammar.high)}"
    return f"{low} {high}".strip()


def _value(grammar: Key) -> str:
    if grammar.choices:
        kind = " ".join(f"`{choice}`" for choice in grammar.choices)
    elif grammar.spec is not None:
        kind = f"[block](#{grammar.spec.__name__.lower()})"
    else:
        kind = "see text" if grammar.unit == "other" else grammar.unit
    return f"{kind}{', or a list' * grammar.many}{', or a distribution' * grammar.varies}{', or `none`' * grammar.none}"


def _default(key: BoundKey) -> str:
    if key.default is MISSING:
        return "required"
    if key.default is None or (key.default == () and key.grammar.none):
        return "`none`" if key.grammar.none else ""
    return _written(key.grammar, key.default)


def _written(grammar: Key, value: Any) -> str:
    """Write a default as a file would have it; a block is written as its shorthand."""
    if value is None:
        return ""
    if grammar.unit in UNITS:
        values = value if grammar.many else (value,)
        return " ".join(f"`{UNITS[grammar.unit].show(one)}`" if one != "" else "" for one in values)
    if is_dataclass(value) and hasattr(value, "shorthand"):
        key = keys_of(type(value))[value.shorthand]
        return _written(key.grammar, getattr(value, key.field))
    if grammar.spec is not None:
        return "" if value == () else "its defaults"
    # Whatever has no text of its own is a block that says nothing.
    return str(value) if value and not (is_dataclass(value) and type(value).__str__ is object.__str__) else ""
