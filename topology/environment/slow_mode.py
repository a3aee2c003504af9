"""Calls that occasionally stall: the second mode that latencies of real services have beside their body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from meshquake.topology.distributions import Floats, LogNormal
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.keys import key

#: At worst, this many times as many calls stall as on average, and for this many times as long.
WORST: Final = 5.0
#: Median stall by kind of service (seconds): for gateways and services, the 85 to 100 ms of a public microservice data
#: set, like a throttled container that waits for its next period; for others, estimates (a flush to disk, an eviction,
#: a handshake).
_USUAL: Final[Mapping[str, float]] = MappingProxyType(
    {"gateway": 0.092, "service": 0.092, "cache": 0.008, "database": 0.04, "external": 0.15}
)


@dataclass(frozen=True)
class SlowMode:
    """A share of calls takes extra time, each by its own draw: a lognormal mode beside the body of the latencies.

    A stalled call holds its core, as its other work does. When stalls become more frequent, they also become longer, by
    the same factor: a host that is short of memory collects garbage more often and for longer.
    """

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of the calls that stall, on average over time", 0.0, low=0, high=0.2)
    at: float | None = key(
        "duration",
        "median of the extra time that these take (default: 92ms; for a cache 8ms, a database 40ms, an "
        "external service 150ms)",
        None,
        low=0,
        above=True,
        high=3600,
    )
    sigma: float = key("number", "standard deviation of its logarithm", 0.1, low=0, high=2)
    varies: Fluctuation | None = key(
        "spec",
        "fluctuation of the share and the length of stalls, separately at each service",
        Fluctuation(0.5),
        none=True,
        spec=Fluctuation,
    )

    @property
    def idle(self) -> bool:
        """Whether nothing stalls."""
        return not self.share

    @property
    def problem(self) -> str:
        """What is wrong with the settings although each key is valid; empty if nothing is."""
        return "" if self.varies is None else self.varies.problem

    def sample(self, kind: str, u: Floats) -> Floats:
        """Return the extra time of calls (seconds) at the quantiles `u`, with the same mean as over a long time."""
        beyond = u - (1.0 - self.share)
        longer: Floats = np.zeros_like(u)
        longer[beyond >= 0] = self._together * self.stall(kind).quantile(beyond[beyond >= 0] / self.share)
        return longer

    def expectation(self, kind: str) -> float:
        """Return the mean extra time of a call (seconds)."""
        return self.share * self._together * self.stall(kind).expectation()

    @property
    def _together(self) -> float:
        """The factor on the mean stall because calls stall more often when stalls are longer: a mean square."""
        if self.varies is None:
            return 1.0
        # The mean square of exp(s z - s^2 / 2), for a standard normal z, cut off at the worst.
        sigma = self.varies.sigma
        worst = (log(WORST) + sigma**2 / 2) / sigma
        return exp(sigma**2) * _below(worst - 2 * sigma) + WORST**2 * _below(-worst)

    def longest(self, kind: str) -> float:
        """Return the extra time of a stalled call when stalls are at their worst (seconds)."""
        return self.stall(kind).median * (1.0 if self.varies is None else WORST)

    def stall(self, kind: str) -> LogNormal:
        """Return the distribution of the extra time of stalled calls, at a service of a kind."""
        return LogNormal(_USUAL[kind] if self.at is None else self.at, self.sigma)


def _below(deviations: float) -> float:
    """Return the probability that a standard normal is below `deviations`."""
    return erfc(-deviations / sqrt(2)) / 2
