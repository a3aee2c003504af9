"""How hard a data set should be: how loud the roots of its incidents are, and what else is loud.

A level limits the share of incidents in which the service with the worst symptom is the root (`truth.floors`), which is
the guess that takes no thought. Cases are drawn and played until they comply; nothing in their telemetry is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How loud a root is: the loudest service of all, louder services exist, or it shows nothing.
LOUDEST, SEVERAL, SILENT = VISIBILITIES = ("loudest", "one of several", "silent")
#: In this many incidents in a row the bands have a level's proportions; in twice as many, the double faults have.
ROW = 5


@dataclass(frozen=True)
class Level:
    """What is required of the incidents of a set.

    Attributes
    ----------
    bands
        How loud the root should be in each of `2 * ROW` incidents; each row has half of them.
    doubles
        How many of these have a second fault.
    loud
        The share of all cases in which harmless events are loud (`confounders: loud`).
    most
        The largest share of the incidents in which the worst symptom may be at a root.
    """

    bands: tuple[str, ...]
    doubles: int
    loud: float
    most: float

    def row(self, number: int) -> tuple[str, ...]:
        """Return the bands of a row of incidents, the quietest first."""
        start = number % 2 * ROW
        return self.bands[start : start + ROW]


_L, _O, _S = LOUDEST, SEVERAL, SILENT
LEVELS: dict[str, Level] = {
    "easy": Level((_L,) * 10, doubles=0, loud=0.0, most=1.0),
    "mixed": Level((_S, _O, _L, _L, _L) * 2, doubles=2, loud=0.5, most=0.7),
    "hard": Level((_S, _O, _O, _L, _L, _S, _S, _O, _O, _L), doubles=3, loud=1.0, most=0.45),
}


def settles(wanted: str, found: str) -> bool:
    """Whether a root as loud as `found` will do where none is as loud as `wanted`, being no easier to find."""
    return wanted == LOUDEST or found != LOUDEST
