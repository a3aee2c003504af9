"""Labels as amounts that can be compared: `500ms` and `1s` can, `none` and `1s` cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from meshquake.topology.units import UNITS, Unit, quantity


@dataclass(frozen=True)
class Amounts:
    """Amounts of one kind: numbers, and the unit of all of them as it is written after a number, empty if none is."""

    values: tuple[float, ...]
    unit: str


def amounts(labels: Sequence[str]) -> Amounts | None:
    """Labels as amounts; None unless all are, and of one kind: times, shares, rates, sizes or numbers of cores.

    The unit is the one that most of the labels have.
    """
    found = [each for each in map(quantity, labels) if each is not None]
    if not found or len(found) < len(labels):
        return None
    units = Counter(unit for _, unit in found)
    if len(units) == 1:
        return Amounts(tuple(number for number, _ in found), found[0][1])
    for kind in UNITS.values():
        values = _read(kind, labels)
        if values is not None:
            unit = next(unit for unit, _ in units.most_common() if unit and unit in kind.scales)
            return Amounts(tuple(value / float(kind.scales[unit]) for value in values), unit)
    return None


def _read(kind: Unit, labels: Sequence[str]) -> list[float] | None:
    """Labels as values of a kind; None if one of them is not."""
    if not kind.scales:
        return None
    try:
        return [float(kind.parse(label)) for label in labels]
    except ValueError:
        return None
