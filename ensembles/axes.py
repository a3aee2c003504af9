"""Parameters of a study, and the cells that their values form: a grid, or a Latin hypercube."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from meshquake.topology.addresses import address
from meshquake.topology.units import printable, shown

#: The most cells of a study.
MOST_CELLS = 10_000
#: A number, and the text after it.
_AMOUNT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([A-Za-z%/]*)", re.ASCII)
_BRACKETS = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}
#: Digits of a value between two bounds.
_DIGITS = 6


@dataclass(frozen=True)
class Level:
    """A value of a parameter: its label, and the `PATH=VALUE` assignments that set it, as in `whatif --set`."""

    label: str
    assignments: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """A range between two bounds with one unit; whole numbers if both bounds are written as such."""

    low: float
    high: float
    unit: str
    whole: bool

    def at(self, share: float, whole: bool) -> str:
        """The value at a share of the range, as written in a file."""
        if whole:
            return str(min(int(self.low + share * (self.high - self.low + 1)), int(self.high)))
        return f"{self.low + share * (self.high - self.low):.{_DIGITS}g}{self.unit}"


@dataclass(frozen=True)
class Axis:
    """A parameter: its path, or a name for several that change together; and its levels, or their range."""

    name: str
    levels: tuple[Level, ...] = ()
    range: Range | None = None

    def at(self, share: float) -> Level:
        """The level at a share of the way through all levels or the range."""
        if self.range is None:
            return self.levels[min(int(share * len(self.levels)), len(self.levels) - 1)]
        return level(self.name, self.range.at(share, self.range.whole))


@dataclass(frozen=True)
class Cell:
    """A combination of levels, one of each axis."""

    levels: tuple[Level, ...]

    @property
    def label(self) -> str:
        """Its label."""
        return ", ".join(each.label for each in self.levels) or "as it is"

    @property
    def assignments(self) -> tuple[str, ...]:
        """The assignments that set it."""
        return tuple(text for each in self.levels for text in each.assignments)


def level(path: str, value: str, label: str = "") -> Level:
    """A value at a path."""
    return Level(label or printable(value), (f"{path}={value}",))


def axis(text: str) -> Axis:
    """Read `PATH=a,b,c`, `PATH=lo..hi:n` or, for a hypercube, `PATH=lo..hi`; ValueError if it is none of these.

    Commas inside brackets and quotes are part of a value.
    """
    path, _, values = (part.strip() for part in text.partition("="))
    if not path or not values:
        raise ValueError("must be PATH=a,b,c or PATH=lo..hi:n, as in services.database.replicas=1,2,3")
    if ".." in values and not set(values) & set("{[\"'"):
        return between(path, values)
    return listed(path, split(values))


def listed(path: str, values: Sequence[str]) -> Axis:
    """An axis with some values; ValueError if there is none, or one is repeated or empty."""
    if not values:
        raise ValueError("has no value")
    for place, value in enumerate(values):
        if not value:
            raise ValueError(f"value {place + 1} of {path} is empty")
        if value in values[:place]:
            raise ValueError(f"{path} has the value {shown(value)} twice")
    return Axis(path, tuple(level(path, value) for value in values))


def between(path: str, text: str) -> Axis:
    """An axis with a range, `lo..hi:n` or `lo..hi`; ValueError if it is neither."""
    ends, colon, count = (part.strip() for part in text.partition(":"))
    low, _, high = (part.strip() for part in ends.partition(".."))
    one, other = (_AMOUNT.fullmatch(each) for each in (low, high))
    if one is None or other is None or one[2] != other[2]:
        raise ValueError(f"{shown(text)} is not a range: its ends must be numbers with one unit, as in 100ms..500ms:5")
    if not float(one[1]) < float(other[1]):
        raise ValueError(f"{shown(text)} is not a range: its first end must be the lower one")
    whole = not one[2] and one[1].isdigit() and other[1].isdigit()
    found = Range(float(one[1]), float(other[1]), one[2], whole)
    if not colon:
        return Axis(path, range=found)
    if not count.isdigit() or not 2 <= int(count) <= MOST_CELLS:
        raise ValueError(f"{shown(text)}: the number of values, after the colon, must be from 2 to {MOST_CELLS}")
    shares = np.linspace(0.0, 1.0, int(count)).tolist()
    return listed(path, [found.at(share, whole=False) for share in shares])


def split(values: str) -> list[str]:
    """Split values at commas."""
    found, depth, quote = [""], 0, ""
    for character in values:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        depth += 0 if quote else _BRACKETS.get(character, 0)
        if character == "," and not depth and not quote:
            found.append("")
        else:
            found[-1] += character
    return [each.strip() for each in found]


def cells(axes: Sequence[Axis], sample: int | None, seed: int) -> tuple[Cell, ...]:
    """The cells of a study, in order.

    Parameters
    ----------
    axes
        The parameters; the last one changes fastest.
    sample
        How many points of a Latin hypercube; None for the whole grid.
    seed
        The seed of the hypercube.

    Raises
    ------
    ValueError
        If the axes have `mistakes`.
    """
    for found in mistakes(axes, sample):
        raise ValueError(f"{found.name}: {found.message}" if found.name else found.message)
    if sample is None:
        return tuple(Cell(levels) for levels in product(*(each.levels for each in axes)))
    from scipy.stats import qmc  # takes longer to import than a run takes to play

    draws = np.random.Generator(np.random.Philox(address(seed, "ensemble", "hypercube")))
    points = qmc.LatinHypercube(d=len(axes), seed=draws).random(sample).tolist()
    return tuple(Cell(tuple(each.at(share) for each, share in zip(axes, point, strict=True))) for point in points)


@dataclass(frozen=True)
class Mistake:
    """What is wrong with an axis; with all of them, if the name is empty."""

    name: str
    message: str


def mistakes(axes: Sequence[Axis], sample: int | None) -> list[Mistake]:
    """All reasons why axes don't fit the grid or the hypercube; parameters as of `cells`."""
    names = [each.name for each in axes]
    found = [Mistake(name, "is varied twice") for name in dict.fromkeys(names) if names.count(name) > 1]
    if sample is not None:
        return found if axes else [Mistake("", "a Latin hypercube needs something to vary")]
    ranges = [each.name for each in axes if each.range is not None]
    needs = "a range needs a number of values, as in lo..hi:5, or a sample (Latin hypercube)"
    found += [Mistake(name, needs) for name in ranges]
    size = int(np.prod([len(each.levels) for each in axes], dtype=np.float64))
    if not ranges and size > MOST_CELLS:
        found.append(Mistake("", f"makes {size:,} cells; at most {MOST_CELLS:,} are allowed (a sample makes fewer)"))
    return found


def alone(axes: Sequence[Axis]) -> tuple[Cell, ...]:
    """A cell for each value of each axis by itself, and for the ends of each range."""
    return tuple(Cell((level,)) for each in axes for level in each.levels or (each.at(0.0), each.at(1.0)))
