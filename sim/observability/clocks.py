"""The clocks of the replicas: each is off by a constant, by which its spans and log lines are."""

from __future__ import annotations

import polars as pl
from scipy.stats import norm

from meshquake.topology.addresses import address, uniform

#: No clock is off by more than so many standard deviations.
_MOST = 3.0


class Clocks:
    """What each clock is off by: `skew` seconds is the standard deviation.

    Metrics have the time of who scrapes, and events that of who orchestrates, which is right.
    """

    def __init__(self, seed: int, skew: float) -> None:
        self._seed = seed
        self._skew = skew
        #: By replica, or by service where no replica is known: microseconds.
        self.off: dict[str, int] = {}

    @property
    def most(self) -> int:
        """By how much a clock can be off, in microseconds."""
        return round(self._skew * _MOST * 1e6)

    def shift(self, frame: pl.DataFrame, column: str) -> pl.Series:
        """The moments in a column (microseconds) as the clocks of their replicas have them."""
        moments = frame[column]
        if not self._skew or not len(frame):
            return moments
        host = frame.select(pl.coalesce("replica", "service")).to_series()
        for name in host.unique(maintain_order=True):
            if name not in self.off:
                self.off[name] = self._drawn(name)
        return moments + host.replace_strict(self.off, return_dtype=pl.Int64)

    def _drawn(self, host: str) -> int:
        sigmas = float(norm.ppf(uniform(address(self._seed, "clock", host), 0)))
        return round(self._skew * 1e6 * max(-_MOST, min(_MOST, sigmas)))
