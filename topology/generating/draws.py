"""The draws of a generated mesh: each has its own address, so that none depends on how many came before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from meshquake.topology.addresses import address, uniform

T = TypeVar("T")


@dataclass(frozen=True)
class Draws:
    """All draws of one seed; the last arguments of each method are the address."""

    seed: int

    def uniform(self, *parts: object) -> float:
        """Return a number in [0, 1)."""
        return uniform(address(self.seed, "generated mesh", *parts), 0)

    def chance(self, share: float, *parts: object) -> bool:
        """Return True with probability `share`."""
        return self.uniform(*parts) < share

    def one(self, of: Sequence[T], *parts: object) -> T:
        """Return one element, all equally likely."""
        return of[int(self.uniform(*parts) * len(of))]

    def weighted(self, cumulative: Sequence[float], *parts: object) -> int:
        """Return an index, by cumulative weights."""
        return min(bisect_right(cumulative, self.uniform(*parts) * cumulative[-1]), len(cumulative) - 1)

    def between(self, low: float, high: float, *parts: object) -> float:
        """Return a number whose logarithm is uniform, for amounts of which only the magnitude is known."""
        return float(low * (high / low) ** self.uniform(*parts))

    def tail(self, exponent: float, most: int, *parts: object) -> int:
        """Return an integer from 1 to `most` with a heavy tail, P(k or more) = k ** -exponent, cut at `most`."""
        return int(min(most, (1 - self.uniform(*parts)) ** (-1 / exponent)))

    def shuffled(self, of: Sequence[T], *parts: object) -> list[T]:
        """Return the elements in another order."""
        keys = [self.uniform(*parts, place) for place in range(len(of))]
        return [of[place] for place in sorted(range(len(of)), key=keys.__getitem__)]
