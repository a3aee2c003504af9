"""A service is slower than it should be: a noisy neighbour, a lock, a missing index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.faults.spread import Spread
from meshquake.topology.distributions import Distribution
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Slow(Fault):
    """Its own work takes `factor` times as long; at severity s, 1 + s * (factor - 1) times.

    With a `share`, only that share of the requests is slowed, as with Istio's `fault.delay.percentage`. If `factor` is
    a distribution, each request draws its own; draws below 1 count as 1, so that no request becomes faster.
    """

    kind: ClassVar[str] = "slow"
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("slow", "query_time", "saturation")
    ranges: ClassVar[Mapping[str, str]] = {"factor": "10..100"}
    factor: float | Distribution = key(
        "number", "how many times as long its work takes", low=1, high=100_000, varies=True
    )
    share: float | None = key(
        "ratio", "share of requests that are slow (default: all)", None, low=0, high=1, above=True
    )

    def effect(self, level: float) -> Effect:
        factor, share = self.factor, 1.0 if self.share is None else self.share
        if not isinstance(factor, Distribution):
            return Effect(slowdown=1 + level * (factor - 1), slowed=share)
        spread = Spread(1 - level, level, factor, least=1.0)
        return Effect(slowdown=spread.mean(), slowdowns=spread, slowed=share)
