"""How numbers are written, `250ms`, `40%`, `20/s`, `512MiB`: read and written here, for files, commands and reports.

Whatever a function here writes without rounding, its counterpart reads back as the same number. Arithmetic is decimal,
so that `0.4ms` is the float nearest to 0.0004 and not the product of two rounded ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from meshquake.topology.portion import MOST, Portion

_SECONDS = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("1e-3"),
    "us": Decimal("1e-6"),
}
_ONES = {"": Decimal(1)}
_SHARES = {"": Decimal(1), "%": Decimal("0.01")}
_PER_SECOND = {"": Decimal(1), "/s": Decimal(1), "/m": 1 / Decimal(60), "/h": 1 / Decimal(3600)}
_BINARY_SIZES = {f"{prefix}iB": Decimal(1024) ** power for power, prefix in ((4, "T"), (3, "G"), (2, "M"), (1, "K"))}
_BYTES = {
    "": Decimal(1),
    "B": Decimal(1),
    "kB": Decimal(10**3),
    "MB": Decimal(10**6),
    "GB": Decimal(10**9),
    "TB": Decimal(10**12),
    **_BINARY_SIZES,
    # Kubernetes' quantities of memory: no B, and decimal k, M, G, T.
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    **{unit.removesuffix("B"): scale for unit, scale in _BINARY_SIZES.items()},
}
#: Kubernetes' quantities of CPU: cores, or thousandths of one.
_CORES = {"": Decimal(1), "m": Decimal("1e-3")}

#: ASCII digits only, no underscores, no nan or inf; three digits of exponent are more than a float can hold.
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(.*)", re.ASCII | re.DOTALL)
_ANY_UNIT = re.compile(r"[A-Za-z%/]*", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
#: Length of the longest number worth reading; more digits are a mistake, and slow.
_LONGEST = 40

_DURATION = "a duration such as 250ms, 1.5s or 2m"
_RATIO = "a ratio such as 40% or 0.4"
_RATE = "a rate such as 20/s, 90/m or 5/h"
_SIZE = "a size such as 512MiB, 4GiB or 1MB, or 128Mi or 500M as Kubernetes writes it"
_CPU = "a number of cores such as 2, 0.5 or 200m"
_NUMBER = "a number such as 0.6"
_COUNT = "a whole number such as 12"
_PORTION = "a whole number such as 2, or a share such as 25%"


def shown(value: Any) -> str:
    """Show a value in a message: text quoted, cut to a readable length, control characters escaped.

    `'database'`, `5`, `None`
    """
    if not isinstance(value, str):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return repr(value if len(value) <= 60 else value[:57] + "...")


def printable(text: str) -> str:
    """Make text safe to print as a line on a terminal: names come from outside, so control characters are escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


# -- reading -----------------------------------------------------------------------------------------------------


def parse_duration(text: str, plain_seconds: bool = False) -> float:
    """Read a time such as `250ms`, `1.5s`, `2m`, `1h` or `40us`.

    Parameters
    ----------
    text
        The text.
    plain_seconds
        Whether a number without a unit is seconds, as on a command line; otherwise only 0 needs no unit.

    Returns
    -------
    float
        The time in seconds.

    Raises
    ------
    ValueError
        If it isn't such a time; the message says what would be right.
    """
    number, unit = _split(text)
    if number is not None and not unit:
        if not plain_seconds and number:
            raise ValueError(f"needs a unit, as in {text}ms or {text}s")
        unit = "s"
    return _amount(text, number, unit, _SECONDS, "a duration such as 90, 250ms or 2m" if plain_seconds else _DURATION)


def parse_ratio(text: str) -> float:
    """Read a share such as `40%` or `0.4`; ValueError if it isn't one."""
    return _amount(text, *_split(text), _SHARES, _RATIO)


def parse_rate(text: str) -> float:
    """Read a rate such as `20/s`, `90/m`, `5/h`, or a plain number per second; ValueError if it isn't one."""
    return _amount(text, *_split(text), _PER_SECOND, _RATE)


def parse_size(text: str) -> float:
    """Read a size such as `512MiB`, `4GiB`, `64KiB`, `1MB`, or a plain number of bytes; ValueError if it isn't one.

    Kubernetes' quantities (`128Mi`, `500M`) are sizes too
    (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/), except for `m`: thousandths of a
    byte are always a mistake.
    """
    return _amount(text, *_split(text), _BYTES, _SIZE)


def parse_cores(text: str) -> float:
    """Read a number of cores such as `2`, `0.5`, or `200m` as in Kubernetes; ValueError if it isn't one."""
    return _amount(text, *_split(text), _CORES, _CPU)


def parse_number(text: str) -> float:
    """Read a plain number such as `0.6` or `1e3`; ValueError if it isn't one."""
    return _amount(text, *_split(text), _ONES, _NUMBER)


def parse_count(text: str) -> int:
    """Read a whole number such as `12`; ValueError if it isn't one."""
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        raise ValueError(f"must be {_COUNT}, not {shown(text)}")
    return int(text)


def parse_portion(text: str) -> Portion:
    """Read a whole number such as `2`, or a share such as `25%`; ValueError if it's neither."""
    try:
        portion = Portion(share=parse_ratio(text)) if text.endswith("%") else Portion(parse_count(text))
    except ValueError:
        raise ValueError(f"must be {_PORTION}, not {shown(text)}") from None
    if not (0 <= (portion.count or 0) <= MOST and 0 <= portion.share <= 1):
        raise ValueError(f"must be from 0 to {MOST}, or from 0% to 100%, not {text}")
    return portion


def parse_flag(text: str) -> bool:
    """Read `true` or `false`; ValueError for anything else."""
    if text not in ("true", "false"):
        raise ValueError(f"must be true or false, not {shown(text)}")
    return text == "true"


def parse_text(text: str) -> str:
    """Read a line of text; ValueError if it's empty or holds control characters, which would break a record."""
    if not text or not text.isprintable():
        raise ValueError(f"must be a line of text, not {shown(text)}")
    return text


def quantity(text: str) -> tuple[float, str] | None:
    """The number and the unit of any amount, as (500.0, "ms"), whatever the unit is; None if it is not an amount."""
    number, unit = _split(text)
    known = number is not None and _ANY_UNIT.fullmatch(unit) and math.isfinite(float(number))
    return (float(number), unit) if number is not None and known else None


def _split(text: str) -> tuple[Decimal | None, str]:
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    return (Decimal(match[1]), match[2]) if match else (None, "")


def _amount(text: str, number: Decimal | None, unit: str, units: Mapping[str, Decimal], expected: str) -> float:
    if number is None or unit not in units:
        raise ValueError(f"must be {expected}, not {shown(text)}")
    value = float(number * units[unit])
    if not math.isfinite(value):
        raise ValueError(f"must be {expected}; {shown(text)} is too large")
    return value or 0.0  # never -0.0


# -- writing -----------------------------------------------------------------------------------------------------


def duration(seconds: float, digits: int | None = None) -> str:
    """Write a time in seconds, as in `250ms`.

    Parameters
    ----------
    seconds
        The time.
    digits
        Significant digits to round to; by default none are dropped.

    Returns
    -------
    str
        The time in the largest unit in which it's 1 or more; whole hours and minutes only.
    """
    amount = _decimal(seconds, digits)
    for unit, scale in _SECONDS.items():
        if abs(amount) >= scale and (scale <= 1 or amount % scale == 0):
            return f"{_plain(amount / scale)}{unit}"
    return f"{_plain(amount / _SECONDS['us'])}us" if amount else "0s"


def ratio(share: float, digits: int | None = None) -> str:
    """Write a share as a percentage, as in `40%`; `digits` as in `duration`."""
    return f"{_plain(_decimal(share, digits) * 100)}%"


def rate(per_second: float, digits: int | None = None) -> str:
    """Write a rate, as in `20/s`; `digits` as in `duration`."""
    return f"{_plain(_decimal(per_second, digits))}/s"


def size(in_bytes: float, digits: int | None = None) -> str:
    """Write a size, as in `512MiB`; `digits` as in `duration`.

    Without rounding the unit is the largest that needs no more than three decimals.
    """
    for unit, scale in _BINARY_SIZES.items():
        amount = _decimal(in_bytes, None) / scale
        if abs(amount) >= 1 and (digits or amount == round(amount, 3)):
            return f"{_plain(_decimal(float(amount), digits))}{unit}"
    return f"{_plain(_decimal(in_bytes, digits))}B"


def number(value: float, digits: int | None = None) -> str:
    """Write a plain number, as in `0.6`; `digits` as in `duration`."""
    return _plain(_decimal(value, digits))


def portion(value: Portion) -> str:
    """Write a `Portion`, as in `2` or `25%`."""
    return ratio(value.share) if value.count is None else str(value.count)


def counted(count: int, noun: str) -> str:
    """Write a count before its noun, as in `1 request` or `3 requests`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _decimal(value: float, digits: int | None) -> Decimal:
    # The shortest decimal that reads back as the same float.
    return Decimal(repr(float(value)) if digits is None else f"{value:.{digits}g}")


def _plain(amount: Decimal) -> str:
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- by name -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """How values of one of `topology.keys.UNITS` are read and written.

    Attributes
    ----------
    parse, show
        Its reader, which raises ValueError, and its writer.
    what
        Its description in messages.
    scales
        The factor for each unit that may follow the number; empty if the value is not a number. Only 0 may always go
        without a unit.
    whole
        Whether the number must be whole.
    """

    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    what: str
    scales: Mapping[str, Decimal] = field(default_factory=dict)
    whole: bool = False


#: The units of scalars, by the name in a key's declaration.
UNITS: dict[str, Unit] = {
    "duration": Unit(parse_duration, duration, _DURATION, _SECONDS),
    "count": Unit(parse_count, str, _COUNT, _ONES, whole=True),
    "ratio": Unit(parse_ratio, ratio, _RATIO, _SHARES),
    "number": Unit(parse_number, number, _NUMBER, _ONES),
    "rate": Unit(parse_rate, rate, _RATE, _PER_SECOND),
    "size": Unit(parse_size, size, _SIZE, _BYTES),
    "portion": Unit(parse_portion, portion, _PORTION),
    "cores": Unit(parse_cores, number, _CPU, _CORES),
    "text": Unit(parse_text, str, "a line of text"),
    "choice": Unit(parse_text, str, "a line of text"),
    "flag": Unit(parse_flag, lambda value: "true" if value else "false", "true or false"),
}
