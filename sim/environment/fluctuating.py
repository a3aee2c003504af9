"""An amount that fluctuates around a mean of 1 (`topology.environment.fluctuation`)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import numpy as np

from meshquake.sim.environment.drift import Drift
from meshquake.topology.addresses import address
from meshquake.topology.distributions import Floats
from meshquake.topology.environment.fluctuation import FURTHEST, Fluctuation, high, spread

#: Time steps per shortest correlation time. The correlation from one step to the next is 97%.
_FINE: Final = 32
#: Steps that are computed at a time.
_PAGE: Final = 256


class Fluctuating:
    """An amount over time, the same in every run of a seed: each time step has draws at addresses of its own.

    It is constant within a step. The amounts of several time scales multiply.

    Parameters
    ----------
    seed, name
        What addresses the draws: the run's seed, and what fluctuates.
    parts
        Its time scales.
    """

    def __init__(self, seed: int, name: str, parts: Sequence[Fluctuation]) -> None:
        self._step = min(part.over for part in parts) / _FINE
        keys = [address(seed, "environment", name, scale) for scale in range(len(parts))]
        self._drift = Drift(keys, [part.over for part in parts], self._step)
        self._sigmas = np.array([part.sigma for part in parts])
        self._spread = spread(parts)
        #: The most that it can be.
        self.most = high(parts)
        #: The amount in each step (as numbers, and as an array), and its integral over time until the step begins
        #: (seconds).
        self._amounts: list[float] = []
        self._all: Floats = np.zeros(0)
        self._passed = [0.0]

    def at(self, now: float) -> float:
        """Return the amount at a time (seconds)."""
        return self._amount(int(now / self._step))

    def share(self, now: float) -> float:
        """Return the amount at a time (seconds) as a share of the most that it can be."""
        return self.at(now) / self.most

    def after(self, now: float, passed: float) -> float:
        """Return the time at which the amount has added up to `passed` (seconds of the mean) since `now`.

        This turns arrivals at unit rate into arrivals at the rate of the amount: a Poisson process of that rate is one
        of rate 1 under this change of time (Cinlar, Introduction to Stochastic Processes, section 4.7).
        """
        step = int(now / self._step)
        while True:
            amount, end = self._amount(step), (step + 1) * self._step
            room = amount * (end - now)
            if passed <= room:
                return now + passed / amount
            passed -= max(0.0, room)
            now = max(now, end)
            step += 1

    def times(self, passed: Floats, begin: float = 0.0) -> Floats:
        """Return the times at which the amount has added up to each `passed` (seconds of the mean) since `begin`."""
        self._amount(int(begin / self._step))
        at = int(begin / self._step)
        before = self._passed[at] + self._amounts[at] * (begin - at * self._step)
        while self._passed[-1] <= before + passed[-1]:
            self._extend()
        first = bisect_right(self._passed, before + passed[0]) - 1
        last = bisect_right(self._passed, before + passed[-1])
        begins = np.arange(first, last + 1) * self._step
        found: Floats = np.interp(before + passed, self._passed[first : last + 1], begins)
        return found

    def amounts(self, times: Floats) -> Floats:
        """Return the amounts at some times (seconds), the latest last."""
        steps = (times / self._step).astype(np.int64)
        self._amount(int(steps[-1]))
        found: Floats = self._all[steps]
        return found

    def _amount(self, step: int) -> float:
        while step >= len(self._amounts):
            self._extend()
        return self._amounts[step]

    def _extend(self) -> None:
        """Add a page."""
        first = len(self._amounts)
        states = self._drift.stretch(first, _PAGE)
        furthest = FURTHEST * self._spread
        logarithm = np.clip((states * self._sigmas).sum(axis=1), -furthest, furthest)
        amounts = np.exp(logarithm - self._spread**2 / 2)
        self._amounts += amounts.tolist()
        self._all = np.concatenate((self._all, amounts))
        self._passed += (self._passed[-1] + np.cumsum(amounts * self._step)).tolist()
