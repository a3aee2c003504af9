"""How many of a population's users there are over time, as a level in [0, 1] by simulated time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heapreplace
from typing import Final

import numpy as np

from meshquake.sim.users.arrivals import Level
from meshquake.topology.addresses import address, uniform
from meshquake.topology.distributions import Floats
from meshquake.topology.shapes import Shape
from meshquake.topology.users import Bursts

#: The shortest period of a source (seconds).
_LEAST: Final = 1e-9


def level_of(over_time: Shape | Bursts | None, seed: int, name: str, clock: float, length: float) -> Level | None:
    """Return the level over time; None if it is 1 throughout.

    Parameters
    ----------
    over_time, seed, name
        The shape or bursts of the population, and what addresses its draws.
    clock
        When the recording begins, in seconds since midnight on a Monday.
    length
        How long it is (seconds).
    """
    if over_time is None:
        return None
    if isinstance(over_time, Bursts):
        return _Sources(over_time, seed, name).level
    shape = over_time.at(clock)
    return lambda now: shape.level(now, length)


def both_levels(one: Level | None, other: Level | None) -> Level | None:
    """Return the product of two levels."""
    if one is None or other is None:
        return one or other
    return lambda now: one(now) * other(now)


class _Sources:
    """On-off sources; the times asked for must not decrease.

    Each is an alternating renewal process in its steady state when the recording begins: it is on with probability on /
    (on + off), and its first period is one that spans a given moment, of which a uniform share has passed (Cox, Renewal
    Theory, 1962, chapters 5 and 7; Taqqu, Willinger and Sherman, "Proof of a fundamental result in self-similar traffic
    modeling", 1997, start theirs in the same way). So the share that is on has the same mean throughout.
    """

    def __init__(self, bursts: Bursts, seed: int, name: str) -> None:
        self._bursts = bursts
        self._keys = [address(seed, "bursts", name, source) for source in range(bursts.sources)]
        on, off = bursts.on.expectation(), bursts.off.expectation()
        self._on = 0
        #: The next change of each source: its time, the source, its number, and whether the source is on until then.
        self._changes: list[tuple[float, int, int, bool]] = []
        for source, key in enumerate(self._keys):
            is_on = uniform(key, 0) < on / (on + off)
            self._on += is_on
            passed, times = uniform(key, 1), bursts.on if is_on else bursts.off
            left = (1 - passed) * _drawn(times.length_biased, key, 2)
            self._changes.append((left, source, 2, is_on))
        heapify(self._changes)

    def level(self, now: float) -> float:
        """Return the level at a time."""
        while self._changes[0][0] <= now:
            time, source, number, is_on = self._changes[0]
            self._on += -1 if is_on else 1
            times = self._bursts.off if is_on else self._bursts.on
            following = time + _drawn(times.quantile, self._keys[source], number + 1)
            heapreplace(self._changes, (following, source, number + 1, not is_on))
        low = self._bursts.low
        return low + (1 - low) * self._on / self._bursts.sources


def _drawn(quantiles: Callable[[Floats], Floats], key: int, number: int) -> float:
    return max(_LEAST, float(quantiles(np.array([uniform(key, number)]))[0]))
