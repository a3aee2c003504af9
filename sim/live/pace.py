"""How simulated time follows the wall clock: at a given speed, or as fast as possible."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

#: The slowest speed; the fastest is infinite.
SLOWEST: Final = 0.1
#: A delay of more than this (seconds) is written off, and not caught up with.
_LATE: Final = 0.5


class Pace:
    """Says when the next second is due.

    Parameters
    ----------
    clock
        Returns real seconds since some fixed moment.
    speed
        Simulated seconds per real second; `inf` for as fast as possible.
    """

    def __init__(self, clock: Callable[[], float], speed: float) -> None:
        self._clock = clock
        self.speed = speed
        self._due = clock()

    def change(self, speed: float) -> None:
        """Continue at another speed from now on."""
        self.speed = speed
        self.begin()

    def begin(self) -> None:
        """Begin anew: the next second is due one second of simulated time from now."""
        self._due = self._clock() + 1.0 / self.speed

    def wait(self) -> float:
        """Return how many real seconds remain until the next second is due; 0 if it is due."""
        return 0.0 if self.speed == inf else max(0.0, self._due - self._clock())

    def played(self) -> None:
        """Note that a second was played, and schedule the next one."""
        now = self._clock()
        self._due = (now if now - self._due > _LATE else self._due) + 1.0 / self.speed
