"""Units of metrics, and the base units that Prometheus and OpenTelemetry export them in.

Prometheus has one unit for each dimension: seconds, bytes, ratios, and amounts per second; its name ends with it
(https://prometheus.io/docs/practices/naming/#base-units). OpenTelemetry writes units in UCUM's case-sensitive codes
(https://ucum.org/ucum), where a word in braces is a remark: what is counted. A file may give any text as a unit. One
that isn't known here has no other to be converted to, and stands in the name as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from meshquake.topology.telemetry.metrics import plain


@dataclass(frozen=True)
class BaseUnit:
    """What a unit is exported as.

    Attributes
    ----------
    word
        The base unit at the end of names in Prometheus, such as `bytes_per_second`; empty for a plain number.
    code
        The base unit in UCUM's codes, such as `By/s`; empty for a plain number.
    own
        The code of the unit itself, such as `kBy/min`.
    divisor
        What to divide a value in the unit by.
    noun
        The part of `word` that UCUM has no code for: what is counted.
    """

    word: str
    code: str
    own: str
    divisor: float = 1.0
    noun: str = ""


PLAIN = BaseUnit("", "", "")
#: Prefixes of bytes and bits, and their words. A capital K is common, although it is the kelvin's.
_PREFIXES = {"": 1.0} | {
    prefix: size
    for power, (letter, decimal, binary) in enumerate(
        [
            ("k", "kilo", "kibi"),
            ("M", "mega", "mebi"),
            ("G", "giga", "gibi"),
            ("T", "tera", "tebi"),
            ("P", "peta", "pebi"),
        ],
        start=1,
    )
    for prefix, size in (
        (letter, 1000.0**power),
        (decimal, 1000.0**power),
        (f"{letter.upper()}i", 1024.0**power),
        (binary, 1024.0**power),
        *([("K", 1000.0)] if letter == "k" else []),
    )
}
_CODES = {"K": "k", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P"} | {
    f"{word}bi": f"{letter}i" for word, letter in (("ki", "K"), ("me", "M"), ("gi", "G"), ("te", "T"), ("pe", "P"))
}
_DATA = re.compile(rf"({'|'.join(sorted(_PREFIXES, key=len, reverse=True))})(B|By|bytes?|bits?)")
#: Units of time with their codes, and how many make up a second.
_TIMES = {
    spelling: (code, parts)
    for code, parts, spellings in (
        ("ns", 1e9, "ns nanosecond"),
        ("us", 1e6, "us µs μs microsecond"),
        ("ms", 1e3, "ms millisecond"),
        ("s", 1.0, "s sec second"),
        ("min", 1 / 60, "min minute"),
        ("h", 1 / 3600, "h hr hour"),
        ("d", 1 / 86400, "d day"),
    )
    for short in spellings.split()
    for spelling in ((short, f"{short}s") if len(short) > 3 or short == "day" else (short,))
}
#: Shares with their codes, and how many make up a whole.
_SHARES = {
    "%": ("%", 100.0),
    "percent": ("%", 100.0),
    "ratio": ("1", 1.0),
    "‰": ("[ppth]", 1e3),
    "permille": ("[ppth]", 1e3),
    "ppm": ("[ppm]", 1e6),
}
#: `Mbps` is short for `Mbit/s`.
_BITS = re.compile(r"([kKMGT]?)bps")
_REMARK = re.compile(r"\{[^{}]*\}", re.ASCII)


@cache
def base_unit(unit: str) -> BaseUnit:
    """Return what a unit is exported as.

    Parameters
    ----------
    unit
        Any text. An amount per time is written as in `requests/min` or `kB per second`.
    """
    text = _BITS.sub(r"\1bit/s", unit.strip().replace(" per ", "/"))
    amount, slash, time = text.rpartition("/")
    if not slash or time.strip() not in _TIMES:
        return _amount(text)
    code, parts = _TIMES[time.strip()]
    of = _amount(amount.strip())
    return BaseUnit(
        f"{of.word}_per_second" if of.word else "per_second",
        f"{of.code or '1'}/s",
        f"{of.own or '1'}/{code}",
        of.divisor / parts,
        of.noun,
    )


def _amount(text: str) -> BaseUnit:
    if text in ("", "1"):
        return PLAIN
    if text in _TIMES:
        code, parts = _TIMES[text]
        return BaseUnit("seconds", "s", code, parts)
    if text in _SHARES:
        code, whole = _SHARES[text]
        return BaseUnit("ratio", "1", code, whole)
    if found := _DATA.fullmatch(text):
        prefix, size = _CODES.get(found[1], found[1]), _PREFIXES[found[1]]
        if found[2].startswith("bit"):
            return BaseUnit("bytes", "By", f"{prefix}bit", 8 / size)
        return BaseUnit("bytes", "By", f"{prefix}By", 1 / size)
    if _REMARK.fullmatch(text):
        return BaseUnit("", text, text)
    noun = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return BaseUnit(noun, f"{{{noun}}}", f"{{{noun}}}", 1.0, noun) if noun else PLAIN


def exported_unit(unit: str, measured: str | None, counts: bool) -> BaseUnit:
    """Return what a metric's unit is exported as.

    Parameters
    ----------
    unit
        As in its records.
    measured
        Its unit in the catalogue; None if it is derived from others.
    counts
        Whether it is exported as a counter: of what was measured, whatever its records scale it to.
    """
    if counts:
        return base_unit(measured.removesuffix("/s")) if measured and measured.endswith("/s") else PLAIN
    found = base_unit(unit)
    # What a metric of the catalogue counts, its name says.
    return PLAIN if found.noun and unit == measured else found


def exported_name(name: str, unit: BaseUnit, counts: bool) -> str:
    """Return a metric's name in Prometheus, without a prefix for its level and a counter's `_total`."""
    stem = plain(name).removesuffix("_total") if counts else plain(name)
    return f"{stem.removesuffix(f'_{unit.word}')}_{unit.word}" if unit.word else stem
