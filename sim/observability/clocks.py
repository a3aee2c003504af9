"""Clock skew: each node's clock is off by a constant, and with it the spans and log lines of the replicas there."""

from __future__ import annotations

import polars as pl

from meshquake.topology.addresses import address, uniform
from meshquake.topology.placement import Placement
from meshquake.topology.special_functions import ndtri

#: No clock is off by more than this many standard deviations.
_MOST = 3.0


class Clocks:
    """The offsets of clocks, with a standard deviation of `skew` seconds. Pods have the clock of their node.

    Metrics carry the scraper's time and events the orchestrator's; both are right.
    """

    def __init__(self, seed: int, skew: float, placement: Placement) -> None:
        self._seed = seed
        self._skew = skew
        self._placement = placement
        #: Offset in microseconds by replica, or by service where no replica is known.
        self.off: dict[str, int] = {}

    @property
    def most(self) -> int:
        """The largest possible offset, in microseconds."""
        return round(self._skew * _MOST * 1e6)

    def shift(self, frame: pl.DataFrame, column: str) -> pl.Series:
        """Return the moments in a column (microseconds) as the clocks of their replicas show them."""
        moments = frame[column]
        if not self._skew or not len(frame):
            return moments
        hosts = frame.select("service", "replica", host=pl.coalesce("replica", "service"))
        host = hosts["host"]
        for service, replica, name in hosts.unique(maintain_order=True).iter_rows():
            if name not in self.off:
                self.off[name] = self._drawn(name if replica is None else self._placement.node(service, replica))
        return moments + host.replace_strict(self.off, return_dtype=pl.Int64)

    def _drawn(self, host: str) -> int:
        sigmas = float(ndtri(uniform(address(self._seed, "clock", host), 0)))
        return round(self._skew * 1e6 * max(-_MOST, min(_MOST, sigmas)))
