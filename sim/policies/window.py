"""Counts over a sliding window, in ten slots: what leaves the window is dropped a slot at a time."""

from __future__ import annotations

SLOTS = 10  # as Finagle's windowed token bucket has


class Window:
    """Two counts over the last `length` seconds."""

    __slots__ = ("_current", "_width", "first", "place", "second", "until")

    def __init__(self, length: float) -> None:
        self._width = length / SLOTS
        #: The counts of each slot of the window; slot n is at position n modulo `SLOTS`.
        self.first = [0] * SLOTS
        self.second = [0] * SLOTS
        #: The current slot, its position, and when it ends.
        self._current = -1
        self.place = 0
        self.until = 0.0

    def add(self, now: float, first: int, second: int) -> None:
        """Add to both counts."""
        if now >= self.until:
            self.advance(now)
        self.first[self.place] += first
        self.second[self.place] += second

    def totals(self, now: float) -> tuple[int, int]:
        """Return both counts over the window that ends now."""
        if now >= self.until:
            self.advance(now)
        return sum(self.first), sum(self.second)

    def advance(self, now: float) -> None:
        """Begin the slot of `now`, which is not before `until`, and clear those that have left the window."""
        slot = int(now // self._width)
        for passed in range(max(self._current + 1, slot - SLOTS + 1), slot + 1):
            self.first[passed % SLOTS] = self.second[passed % SLOTS] = 0
        self._current = slot
        self.place = slot % SLOTS
        self.until = (slot + 1) * self._width
