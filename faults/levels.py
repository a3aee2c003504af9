"""How hard a data set shall be: how loud the roots of its incidents are, and what else is loud.

What is asked for is a share of cases in which the service with the worst symptom is the root (`truth.floors`): the
guess that takes no thought. Cases are drawn and played until they are so; nothing in their telemetry is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How loud a root is: the loudest of all services, or others are louder, or nothing of it is to be seen.
LOUDEST, SEVERAL, SILENT = VISIBILITIES = ("loudest", "one of several", "silent")
#: Of so many incidents in a row, the bands are in the proportions of a level, and of twice as many the double faults.
ROW = 5


@dataclass(frozen=True)
class Level:
    """What is asked of the incidents of a set.

    Attributes
    ----------
    bands
        How loud the root shall be in each of `2 * ROW` incidents; half of them are in each row.
    doubles
        How many of these have a second fault.
    loud
        The share of all cases in which harmless things are loud (`confounders: loud`).
    most
        In so large a share of the incidents, at most, the worst symptom is at a root.
    """

    bands: tuple[str, ...]
    doubles: int
    loud: float
    most: float

    def row(self, number: int) -> tuple[str, ...]:
        """The bands of a row of incidents, the quietest first."""
        start = number % 2 * ROW
        return self.bands[start : start + ROW]


_L, _O, _S = LOUDEST, SEVERAL, SILENT
LEVELS: dict[str, Level] = {
    "easy": Level((_L,) * 10, doubles=0, loud=0.0, most=1.0),
    "mixed": Level((_S, _O, _L, _L, _L) * 2, doubles=2, loud=0.5, most=0.7),
    "hard": Level((_S, _O, _O, _L, _L, _S, _S, _O, _O, _L), doubles=3, loud=1.0, most=0.45),
}


def settles(wanted: str, found: str) -> bool:
    """Whether a root that is as loud as `found` will do where none is as loud as `wanted`: it's no easier to find."""
    return wanted == LOUDEST or found != LOUDEST
