"""Regular expressions for amounts within bounds, for schemas, which see `250ms` and `150%` as texts.

A pattern compares a number with a bound as people do by eye: more digits before the point mean more, and among as many,
the first digit that differs decides. It means the same in Python and in ECMAScript, and can be part of a longer
pattern.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

#: Digits of a bound that are compared. A longer bound is rounded outward: better to let in too much than too little.
_DIGITS = 4
_NUMBER = r"(?:\d+\.?\d*|\.\d+)"
_EXPONENT = r"[eE][+-]?\d{1,3}"
_ZERO = rf"(?:0+\.?0*|\.0+)(?:{_EXPONENT})?"
_NEVER = "(?!)"
_ANY = r"\d*"

_Bound = Decimal | None


def amount_pattern(
    scales: Mapping[str, Decimal], low: _Bound, high: _Bound, above: bool = False, whole: bool = False
) -> str:
    """Return the pattern of amounts from `low` to `high`, without anchors.

    Of a number with an exponent, as in `1e3ms`, only sign and unit are checked.

    Parameters
    ----------
    scales
        The factor for each unit that may follow the number; "" if a number may go without. Zero never needs a unit.
    low, high
        The bounds, inclusive; None if there is none.
    above
        Whether `low` itself is excluded; it isn't negative then.
    whole
        Whether numbers must be whole, written in digits alone.
    """
    units = _one_of(scales)
    found = []
    zero = (low is None or low < 0 or (low == 0 and not above)) and (high is None or high >= 0)
    if zero:
        found.append(f"[+-]?{'0+' if whole else _ZERO}{_one_of([*scales, ''])}")
    for sign, least, most in ((r"\+?", low, high), ("-", high and -high, low and -low)):
        if most is None or most > 0:
            found.append(sign + _unsigned(scales, None if least is None or least < 0 else least, most, above, whole))
            if not whole:
                found.append(sign + _NUMBER + _EXPONENT + units)
    return f"(?:{'|'.join(found)})"


def _unsigned(scales: Mapping[str, Decimal], low: _Bound, high: _Bound, above: bool, whole: bool) -> str:
    """Return the pattern of unsigned amounts from `low`, which isn't negative, to `high`."""
    units: dict[Decimal, list[str]] = defaultdict(list)
    for unit, scale in scales.items():
        units[scale].append(unit)
    return _one_of(
        _number(low and low / scale, high and high / scale, above, whole) + _one_of(words)
        for scale, words in units.items()
    )


def _number(low: _Bound, high: _Bound, above: bool, whole: bool) -> str:
    pattern = r"\d+" if whole else _NUMBER
    if high is not None:
        # The lookahead ensures that there is a digit at all.
        pattern = r"(?=\.?\d)" + _beside(high, below=True, equal=True, whole=whole)
    if low is not None and (low or above):
        pattern = rf"(?={_beside(low, below=False, equal=not above, whole=whole)}(?!\d)){pattern}"
    return pattern


def _beside(bound: Decimal, below: bool, equal: bool, whole: bool) -> str:
    """Return the pattern of the numbers below or above a bound, including the bound itself if `equal`."""
    rounding = ROUND_CEILING if below else ROUND_FLOOR
    digits, _, fraction = f"{Context(_DIGITS, rounding).plus(bound).normalize():f}".partition(".")
    digits = digits.lstrip("0")
    rest = "" if whole else r"(?:\.\d*)?"
    pattern, places = _fraction(fraction, below, equal, whole), 0
    if equal and not below and not fraction:
        # Any digits will do in place of a bound's trailing zeros.
        places = len(digits) - len(digits.rstrip("0"))
        pattern = _any(places) + rest
    for place, digit in enumerate(reversed(digits[: len(digits) - places]), places):
        pattern = _either(_digits_beside(digit, below, _any(place) + rest), digit + pattern)
    if below:
        fewer = rf"\d{{0,{len(digits) - 1}}}" if len(digits) > 1 else ""
        return f"0*{_either(fewer + rest, pattern)}" if digits else f"0*{pattern}"
    more = rf"[1-9]\d{{{len(digits)},}}" if digits else rf"[1-9]{_ANY}"
    return f"0*{_either(more + rest, pattern)}"


def _fraction(digits: str, below: bool, equal: bool, whole: bool) -> str:
    """Return the pattern of what may follow when the digits before the point are those of the bound."""
    if whole:
        return "" if equal else _NEVER
    if below:
        pattern = "0*" if equal else _NEVER
        for digit in reversed(digits):
            # A fraction that ends here is less than one that goes on.
            pattern = f"(?:{_either(_digits_beside(digit, below, _ANY), digit + pattern)})?"
        return rf"(?:\.{pattern})?"
    pattern = _ANY if equal else rf"\d*[1-9]{_ANY}"
    for digit in reversed(digits):
        pattern = _either(_digits_beside(digit, below, _ANY), digit + pattern)
    return rf"\.{pattern}" if digits or not equal else rf"(?:\.{pattern})?"


def _digits_beside(digit: str, below: bool, rest: str) -> str:
    """Return the pattern of the digits below or above one, and what may then follow; empty if there are none."""
    digits = "0123456789"[: int(digit)] if below else "0123456789"[int(digit) + 1 :]
    if not digits:
        return ""
    return (digits if len(digits) == 1 else f"[{digits[0]}-{digits[-1]}]") + rest


def _any(count: int) -> str:
    """The pattern of `count` digits."""
    return r"\d" * count if count < 3 else rf"\d{{{count}}}"


def _either(one: str, other: str) -> str:
    return f"(?:{one}|{other})" if one else other


def _one_of(parts: Iterable[str]) -> str:
    """The pattern of one of some patterns or units, or of nothing if "" is among them."""
    found = dict.fromkeys(parts)
    some = [part for part in found if part]
    if not some or len(found) == 1:
        return "".join(some)
    return f"(?:{'|'.join(some)})" + "?" * ("" in found)
