"""How an amount goes up and down by itself: a log-Gaussian process, described by what can be measured of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import exp, expm1, sqrt
from typing import ClassVar, Final

from meshquake.topology.keys import key
from meshquake.topology.units import duration, ratio

#: Coefficients of variation are of means over this time (seconds), as dashboards and published figures give them.
BUCKET: Final = 300.0
#: Amounts are cut off at this many standard deviations of their logarithm.
FURTHEST: Final = 3.0
#: The largest standard deviation of the logarithm: with it, the highest value is twelve times the mean.
_WILDEST = 1.0


@dataclass(frozen=True)
class Fluctuation:
    """Ups and downs around a mean of 1, on one time scale: the exponential of an Ornstein-Uhlenbeck process.

    That is the Gaussian process whose correlation falls exponentially, by a factor of e in each `over`. Counts of
    events whose rate is the exponential of a Gaussian process are a log-Gaussian Cox process (Moller, Syversveen and
    Waagepetersen 1998).
    """

    shorthand: ClassVar[str] = "cv"
    cv: float = key(
        "ratio",
        "coefficient of variation of its five-minute means: standard deviation / mean",
        low=0,
        above=True,
        high=1,
    )
    over: float = key("duration", "how long ups and downs last (correlation time)", 180.0, low=1, high=86400)

    @property
    def sigma(self) -> float:
        """The standard deviation of its logarithm; means over five minutes smooth some of it out."""
        return _sigma(self.cv, self.over)

    @property
    def problem(self) -> str:
        """What is wrong with the settings although each key is valid; empty if nothing is."""
        if self.sigma <= _WILDEST:
            return ""
        most = ratio(_cv(_WILDEST, self.over), digits=2)
        return (
            f"cv can be at most {most}, not {ratio(self.cv)}: what lasts {duration(self.over)} averages out over five "
            "minutes (a longer over allows more)"
        )


@cache
def _sigma(cv: float, over: float) -> float:
    """Return the standard deviation of the logarithm that gives five-minute means a coefficient of variation."""
    low, high = 0.0, 2.0 * _WILDEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _cv(middle, over) < cv else (low, middle)
    return high


def _cv(sigma: float, over: float) -> float:
    """Return the coefficient of variation of five-minute means, given the standard deviation of the logarithm.

    The covariance at a distance of t is exp(sigma^2 exp(-t / over)) - 1; its average over all pairs of moments in
    five minutes is taken term by term.
    """
    total, term = 0.0, 1.0
    for power in count(1):
        term *= sigma * sigma / power
        total += term * _average(over / power)
        if term < 1e-12:
            return sqrt(total)
    raise AssertionError


def _average(time: float) -> float:
    """Return the mean correlation of two moments in five minutes, if it falls by a factor of e in each `time`."""
    share = time / BUCKET
    return 2 * share * (1 + share * expm1(-1 / share))


def spread(parts: Iterable[Fluctuation]) -> float:
    """Return the standard deviation of the logarithm of the product of several fluctuations."""
    return sqrt(sum(part.sigma**2 for part in parts))


def high(parts: Iterable[Fluctuation], deviations: float = FURTHEST) -> float:
    """Return an amount, relative to its mean, `deviations` above the median; by default, its maximum."""
    sigma = spread(parts)
    return exp(deviations * sigma - sigma * sigma / 2)
