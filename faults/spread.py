"""A strength that differs from call to call, by each call's own draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from meshquake.topology.distributions import Distribution

_SHARES = 10_000


@dataclass(frozen=True, slots=True)
class Spread:
    """`base + scale * max(least, x)`, where x follows a distribution."""

    base: float
    scale: float
    distribution: Distribution
    least: float = 0.0

    def at(self, quantile: float) -> float:
        """Return the value at a quantile in [0, 1): a larger scale shifts it, but calls keep their order."""
        drawn = float(self.distribution.quantile(np.array([quantile]))[0])
        return self.base + self.scale * max(self.least, drawn)

    def mean(self) -> float:
        """Return the mean value."""
        return self.base + self.scale * _mean(self.distribution, self.least)


@cache
def _mean(distribution: Distribution, least: float) -> float:
    """Return the mean of a distribution whose draws below `least` count as `least`.

    If some are cut off, it is the mean of the quantiles at the midpoints of equal shares, which is within a percent
    unless the tail is very heavy.
    """
    if least <= 0:
        return distribution.expectation()
    times = distribution.quantile((np.arange(_SHARES) + 0.5) / _SHARES)
    return float(np.maximum(times, least).mean())
