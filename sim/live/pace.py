"""How simulated time follows the wall clock: so many simulated seconds in a second, or as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

#: The slowest there is; the fastest is infinite.
SLOWEST: Final = 0.1
#: Who is later than this (seconds) has lost the time: nobody hurries to catch up.
_LATE: Final = 0.5


class Pace:
    """Says when the next second is due.

    Parameters
    ----------
    clock
        Real seconds from somewhere on.
    speed
        Simulated seconds in a real one; `inf` for as fast as it goes.
    """

    def __init__(self, clock: Callable[[], float], speed: float) -> None:
        self._clock = clock
        self.speed = speed
        self._due = clock()

    def change(self, speed: float) -> None:
        """Go on at another speed, from now on."""
        self.speed = speed
        self.begin()

    def begin(self) -> None:
        """Begin anew: a second from now the next one is due."""
        self._due = self._clock() + 1.0 / self.speed

    def wait(self) -> float:
        """How many real seconds there are until the next second is due; 0 if it is."""
        return 0.0 if self.speed == inf else max(0.0, self._due - self._clock())

    def played(self) -> None:
        """A second was played; the next one is due in its time."""
        now = self._clock()
        self._due = (now if now - self._due > _LATE else self._due) + 1.0 / self.speed
