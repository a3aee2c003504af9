"""Counts over the last so many seconds, in ten slots: what slides out is forgotten a slot at a time."""

from __future__ import annotations

SLOTS = 10  # as Finagle's windowed token bucket has


class Window:
    """Two counts of what came in the last `length` seconds."""

    __slots__ = ("_current", "_width", "first", "place", "second", "until")

    def __init__(self, length: float) -> None:
        self._width = length / SLOTS
        #: What came in each slot of the window; slot n is at position n modulo their number.
        self.first = [0] * SLOTS
        self.second = [0] * SLOTS
        #: The slot of the latest moment looked at, where it's counted, and when it ends.
        self._current = -1
        self.place = 0
        self.until = 0.0

    def add(self, now: float, first: int, second: int) -> None:
        """Something came."""
        if now >= self.until:
            self.advance(now)
        self.first[self.place] += first
        self.second[self.place] += second

    def totals(self, now: float) -> tuple[int, int]:
        """What came in the window that ends now."""
        if now >= self.until:
            self.advance(now)
        return sum(self.first), sum(self.second)

    def advance(self, now: float) -> None:
        """Begin the slot of `now`, which is not before `until`, and forget those that have left the window."""
        slot = int(now // self._width)
        for passed in range(max(self._current + 1, slot - SLOTS + 1), slot + 1):
            self.first[passed % SLOTS] = self.second[passed % SLOTS] = 0
        self._current = slot
        self.place = slot % SLOTS
        self.until = (slot + 1) * self._width
