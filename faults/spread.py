"""A strength that differs from call to call, by each call's own draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshquake.topology.distributions import Distribution


@dataclass(frozen=True, slots=True)
class Spread:
    """`base + scale * x`, where x is of a distribution."""

    base: float
    scale: float
    distribution: Distribution

    def at(self, quantile: float) -> float:
        """The value at a quantile in [0, 1): a larger scale moves it, and changes no call's place among the others."""
        return self.base + self.scale * float(self.distribution.quantile(np.array([quantile]))[0])


def mean(value: float | Distribution) -> float:
    """A value that may be a distribution of values, on average."""
    return value.expectation() if isinstance(value, Distribution) else value
