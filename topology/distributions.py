"""Distributions of time, drawn by inverse transform.

Every distribution maps a uniform number to a time, so that one addressed draw (`sim.engine.tape`) gives one service
demand whatever the distribution: replacing an exponential by a lognormal of the same mean leaves every other draw of
the run as it was, and each demand at the same quantile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from meshquake.topology.keys import key
from meshquake.topology.plugins import Extensible, of_type
from meshquake.topology.special_functions import gammaincinv, ndtri

Floats = NDArray[np.float64]

#: The longest time (seconds) that a file may specify.
DAY = 86_400.0
#: How many quantiles stand for a distribution whose length-biased one has no form of its own.
_SHARES = 4096


class Distribution:
    """A distribution of a non-negative time in seconds."""

    #: Its word in a topology file.
    word: ClassVar[str]

    def expectation(self) -> float:
        """Return the mean time in seconds."""
        raise NotImplementedError

    def quantile(self, u: Floats) -> Floats:
        """Return the times (seconds) at the quantiles `u`, numbers in [0, 1), as an array of the same shape."""
        raise NotImplementedError

    def length_biased(self, u: Floats) -> Floats:
        """Return quantiles of the time that spans a given moment, where such times follow one another for ever.

        A moment falls into a long time more often than into a short one: if f(x) is the density of the times, that of
        the one it falls into is x f(x) / mean, and the share of it that is left is uniform (Cox, Renewal Theory, 1962,
        chapter 5). This finds it for any kind, from quantiles at the middles of 4,096 equal shares; kinds that have a
        form of their own override it.

        Parameters
        ----------
        u
            Numbers in [0, 1).

        Returns
        -------
        numpy.ndarray
            Seconds, as an array of the same shape; 0 if all times are.
        """
        times = self.quantile((np.arange(_SHARES) + 0.5) / _SHARES)
        if not times.any():
            return np.zeros_like(u)
        upto = np.cumsum(times)
        found: Floats = times[np.minimum(np.searchsorted(upto, u * upto[-1], side="right"), _SHARES - 1)]
        return found

    def walk(self) -> Iterator[Distribution]:
        """Yield the distribution and, if it is a mixture, its parts."""
        yield self


@dataclass(frozen=True)
class Constant(Distribution):
    """Always the same time."""

    word: ClassVar[str] = "constant"
    shorthand: ClassVar[str] = "value"
    value: float = key("duration", "the time", low=0, high=DAY)

    def expectation(self) -> float:
        return self.value

    def quantile(self, u: Floats) -> Floats:
        return np.full_like(u, self.value)

    def length_biased(self, u: Floats) -> Floats:
        return self.quantile(u)


@dataclass(frozen=True)
class Exponential(Distribution):
    """Memoryless times: the M of M/M/c."""

    word: ClassVar[str] = "exponential"
    shorthand: ClassVar[str] = "mean"
    mean: float = key("duration", "the mean", low=0, high=DAY, above=True)

    def expectation(self) -> float:
        return self.mean

    def quantile(self, u: Floats) -> Floats:
        return -self.mean * np.log1p(-u)

    def length_biased(self, u: Floats) -> Floats:
        """x exp(-x / mean): a gamma distribution of shape 2. What is left of it is exponential again."""
        found: Floats = self.mean * gammaincinv(2.0, u)
        return found


@dataclass(frozen=True)
class LogNormal(Distribution):
    """The usual body of a latency histogram: right-skewed, with a multiplicative spread.

    `sigma` is the standard deviation of the logarithm; .63 is the median over the operations of a public
    microservice dataset (.31 to 1.4).
    """

    word: ClassVar[str] = "lognormal"
    median: float = key("duration", "the median; the mean is median * exp(sigma^2 / 2)", low=0, high=DAY, above=True)
    sigma: float = key("number", "standard deviation of the logarithm", 0.6, low=0, high=4)

    def expectation(self) -> float:
        return self.median * math.exp(self.sigma**2 / 2)

    def quantile(self, u: Floats) -> Floats:
        # u = 0 needs no guard: ndtri(0) is -inf and exp(-inf) is 0, a legal time.
        normal: Floats = ndtri(u)
        return self.median * np.exp(self.sigma * normal)

    def length_biased(self, u: Floats) -> Floats:
        """With x = exp(sigma z), x exp(-z^2 / 2) is in proportion to exp(-(z - sigma)^2 / 2): z is sigma larger."""
        return math.exp(self.sigma**2) * self.quantile(u)


@dataclass(frozen=True)
class Gamma(Distribution):
    """Times between constant (cv 0) and exponential (cv 1), or more variable than both (cv > 1)."""

    word: ClassVar[str] = "gamma"
    mean: float = key("duration", "the mean", low=0, high=DAY, above=True)
    cv: float = key("number", "coefficient of variation: standard deviation / mean", 0.5, low=0.01, high=10)

    def expectation(self) -> float:
        return self.mean

    def quantile(self, u: Floats) -> Floats:
        shape = 1 / self.cv**2
        standard: Floats = gammaincinv(shape, u)
        return (self.mean / shape) * standard

    def length_biased(self, u: Floats) -> Floats:
        """A factor of x adds 1 to the shape."""
        shape = 1 / self.cv**2
        standard: Floats = gammaincinv(shape + 1, u)
        return (self.mean / shape) * standard


@dataclass(frozen=True)
class Pareto(Distribution):
    """A heavy tail: P(time > t) = (minimum / t)^alpha, cut at `maximum`.

    Times above `maximum` become `maximum`, so the tail has an atom there.
    """

    word: ClassVar[str] = "pareto"
    minimum: float = key("duration", "the shortest time", low=0, high=DAY, above=True)
    alpha: float = key("number", "the tail's exponent: smaller is heavier", 2.0, low=0.1, high=100)
    maximum: float = key("duration", "the longest time", 60.0, low=0, high=DAY, above=True)

    def expectation(self) -> float:
        a, low, high = self.alpha, self.minimum, max(self.minimum, self.maximum)
        if a == 1:
            return low * (1 + math.log(high / low))
        # E[min(X, high)] = low + integral of the survival function from low to high.
        return low + low / (a - 1) * (1 - math.pow(low / high, a - 1))

    def quantile(self, u: Floats) -> Floats:
        return np.minimum(self.minimum * (1 - u) ** (-1 / self.alpha), max(self.minimum, self.maximum))

    def length_biased(self, u: Floats) -> Floats:
        """Solved from the integral of x times the density up to a time t; what is beyond is the share of `maximum`.

        That integral is alpha minimum (1 - (minimum / t)^(alpha - 1)) / (alpha - 1). Since the tail is cut, the mean is
        finite for any alpha.
        """
        part, beyond = u * self.expectation() / (self.alpha * self.minimum), self.alpha - 1
        high = max(self.minimum, self.maximum)
        # The logarithm of t / minimum; infinite where the integral never gets that far.
        with np.errstate(divide="ignore"):
            grown = part if beyond == 0 else -np.log1p(-np.minimum(beyond * part, 1.0)) / beyond
        return np.minimum(self.minimum * np.exp(np.minimum(grown, math.log(high / self.minimum))), high)


@dataclass(frozen=True)
class Empirical(Distribution):
    """Times measured elsewhere: a value between the observed ones, by linear interpolation of their quantiles."""

    word: ClassVar[str] = "empirical"
    shorthand: ClassVar[str] = "values"
    values: tuple[float, ...] = key("duration", "observed times, in any order", many=True, low=0, high=DAY)

    def expectation(self) -> float:
        ordered = sorted(self.values)
        if len(ordered) == 1:
            return ordered[0]
        # The mean of the piecewise-linear quantile function: the trapezoid rule is exact.
        return (sum(ordered) - (ordered[0] + ordered[-1]) / 2) / (len(ordered) - 1)

    def quantile(self, u: Floats) -> Floats:
        ordered = np.sort(np.asarray(self.values, dtype=np.float64))
        return np.interp(u, np.linspace(0, 1, len(ordered)), ordered)

    def length_biased(self, u: Floats) -> Floats:
        """Uniform between two neighbours a and b: there, the integral of x up to t is in proportion to t^2 - a^2."""
        ordered = np.sort(np.asarray(self.values, dtype=np.float64))
        if len(ordered) == 1:
            return np.full_like(u, ordered[0])
        upto = np.concatenate([[0.0], np.cumsum(ordered[1:] + ordered[:-1])])
        if not upto[-1]:
            return np.zeros_like(u)
        reached = u * upto[-1]
        place = np.minimum(np.searchsorted(upto, reached, side="right") - 1, len(ordered) - 2)
        low, high = ordered[place], ordered[place + 1]
        found: Floats = np.sqrt(low**2 + (reached - upto[place]) * (high - low))
        return found


@dataclass(frozen=True)
class Mixture(Distribution):
    """One of several distributions, each with its share: a fast body and a slow mode, a hit and a miss.

    One uniform is enough: its position chooses the part, and its position within the part's share is again
    uniform.
    """

    word: ClassVar[str] = "mixture"
    weights: tuple[float, ...]
    parts: tuple[Distribution, ...]

    def expectation(self) -> float:
        return sum(w * part.expectation() for w, part in zip(self.weights, self.parts, strict=True)) / sum(self.weights)

    def quantile(self, u: Floats) -> Floats:
        return self._mixed(u, self.weights, [part.quantile for part in self.parts])

    def length_biased(self, u: Floats) -> Floats:
        """A mixture again: each part weighs as much as the time that its share takes up."""
        weights = [weight * part.expectation() for weight, part in zip(self.weights, self.parts, strict=True)]
        return (
            self._mixed(u, weights, [part.length_biased for part in self.parts]) if any(weights) else np.zeros_like(u)
        )

    @staticmethod
    def _mixed(u: Floats, weights: Sequence[float], quantiles: Sequence[Callable[[Floats], Floats]]) -> Floats:
        edges = np.concatenate([[0.0], np.cumsum(weights) / sum(weights)])
        edges[-1] = 1.0
        chosen = np.minimum(np.searchsorted(edges, u, side="right") - 1, len(quantiles) - 1)
        times = np.empty_like(u)
        for index, quantile in enumerate(quantiles):
            here = chosen == index
            low, high = edges[index], edges[index + 1]
            if here.any():
                times[here] = quantile((u[here] - low) / (high - low))
        return times

    def walk(self) -> Iterator[Distribution]:
        yield self
        for part in self.parts:
            yield from part.walk()


#: By their word in a topology file. In a mixture, `weight` stands beside the word.
DISTRIBUTIONS: Extensible[type[Distribution]] = Extensible(
    "meshquake.distributions",
    {kind.word: kind for kind in (Constant, Exponential, LogNormal, Gamma, Pareto, Mixture, Empirical)},
    of_type(Distribution, "word"),
    reserved=("weight",),
)
