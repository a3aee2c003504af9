"""Values that wander about their mean: an Ornstein-Uhlenbeck process with addressed draws.

It is sampled exactly on a grid of times (Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process and
its integral", Physical Review E 54, 1996): each value is the one before times exp(-step / over), plus a normal draw
that makes up for the variance lost. Draws belong to the row and the place on the grid, so a value is a function of
these alone, whatever happens in the mesh and whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from meshquake.topology.addresses import uniforms
from meshquake.topology.distributions import Floats
from meshquake.topology.special_functions import ndtri

#: How many places on the grid are drawn at a time.
_BLOCK = 128
#: Uniforms per counter.
_COLUMNS = 4
#: The least uniform: 0 has no quantile.
_LEAST = 2.0**-54


class Drift:
    """Rows of standard normal values over time, each correlated by exp(-t / over) with itself t seconds earlier.

    Parameters
    ----------
    keys
        The address of each row's draws.
    over
        The correlation time of each row (seconds).
    step
        Time between places on the grid (seconds).
    """

    def __init__(self, keys: Sequence[int], over: Sequence[float], step: float) -> None:
        self._keys = keys
        self._kept = np.exp(-step / np.array(over, dtype=np.float64))
        self._fresh = np.sqrt(1.0 - self._kept**2)
        self._block = -1
        self._values: Floats = np.zeros((0, len(keys)))

    def at(self, place: int) -> Floats:
        """Return the value of each row at a place on the grid; the current block can be asked for again.

        Raises
        ------
        ValueError
            If the place lies before the current block, whose values are no longer kept.
        """
        if place < self._block * _BLOCK:
            raise ValueError(f"place {place} is past: values are kept from {self._block * _BLOCK} on")
        while place >= (self._block + 1) * _BLOCK:
            self._go_on()
        row: Floats = self._values[place - self._block * _BLOCK]
        return row

    def stretch(self, first: int, count: int) -> Floats:
        """Return the values at `count` places from the `first` on, shape (count, rows), as `at` gives them."""
        parts: list[Floats] = []
        while count:
            self.at(first)
            start = first - self._block * _BLOCK
            parts.append(self._values[start : start + count])
            first, count = first + len(parts[-1]), count - len(parts[-1])
        return np.concatenate(parts)

    def _go_on(self) -> None:
        """Compute the values of the next block."""
        self._block += 1
        counters = _BLOCK // _COLUMNS
        draws = [uniforms(key, self._block * counters, counters, _COLUMNS).ravel() for key in self._keys]
        noise = ndtri(np.maximum(np.array(draws).reshape(len(self._keys), _BLOCK), _LEAST)).tolist()
        # The very first value is drawn from the stationary distribution, as if it had always wandered.
        last = self._values[-1].tolist() if self._block else [None] * len(self._keys)
        # As plain numbers: most drifts have few rows, where array overhead would exceed the arithmetic.
        for row, kept, fresh, value in zip(noise, self._kept.tolist(), self._fresh.tolist(), last, strict=True):
            for place, drawn in enumerate(row):
                value = drawn if value is None else kept * value + fresh * drawn
                row[place] = value
        self._values = np.array(noise).T
