"""What a service does besides the requests that are recorded. Data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, inf, log, sqrt, tau
from typing import ClassVar, Final

import numpy as np

from meshquake.topology.distributions import DAY
from meshquake.topology.environment.fluctuation import Fluctuation, spread
from meshquake.topology.keys import key

#: Points of the quadrature that centres a share on its mean, enough for many exact digits.
_POINTS: Final = 32


@dataclass(frozen=True)
class AmbientLoad:
    """Other load that keeps a service busy: other products, batch consumers, admin traffic. It leaves no records.

    It is a level, not requests: background traffic is a fluid beside traffic that is simulated request by request
    (hybrid simulation of networks; Kiddle et al., "Hybrid packet/fluid flow network simulation", PADS 2003). It takes a
    share of each core, so that work takes 1 / (1 - share) times as long, as it does beside the other customers of an
    M/M/1-PS queue, and holds workers that are then unavailable. The level of each replica fluctuates (`Fluctuation`);
    part of that is common to all replicas of the service (`together`).
    """

    shorthand: ClassVar[str] = "cores"
    cores: float = key("ratio", "share of the cores that it takes, on average", 0.35, low=0, high=0.8)
    workers: float = key("ratio", "share of the workers that it holds, on average", 0.25, low=0, high=0.8)
    cv: float = key(
        "ratio",
        "how far it fluctuates: coefficient of variation of its five-minute means",
        0.2,
        low=0,
        high=1,
    )
    over: float = key("duration", "how long ups and downs last (correlation time)", 120.0, low=5, high=DAY)
    together: float = key("ratio", "part of the fluctuation that all replicas of the service share", 0.5, low=0, high=1)

    @property
    def idle(self) -> bool:
        """Whether there is no ambient load."""
        return not self.cores and not self.workers

    @property
    def varies(self) -> tuple[Fluctuation, ...]:
        """How it fluctuates; empty if it does not."""
        return (Fluctuation(self.cv, self.over),) if self.cv else ()

    @property
    def sigma(self) -> float:
        """The standard deviation of its logarithm."""
        return spread(self.varies)

    def taken_at(self, deviations: float) -> tuple[float, float]:
        """Return the shares of cores and workers that it takes while it is `deviations` above the median."""
        cores, workers = (_share(mean, self.sigma, deviations) for mean in (self.cores, self.workers))
        return cores, workers

    @property
    def problem(self) -> str:
        """What is wrong with the settings although each key is valid; empty if nothing is."""
        return next((each.problem for each in self.varies), "")


#: No ambient load.
NOTHING = AmbientLoad(cores=0.0, workers=0.0)


def _share(mean: float, sigma: float, deviations: float) -> float:
    """Return a share with this mean while its level is `deviations` above the median."""
    return _of_odds(middle_of(mean, sigma) + deviations * sigma / (1.0 - mean))


@cache
def middle_of(mean: float, sigma: float) -> float:
    """Return the median log-odds of a share with this mean whose level fluctuates by `sigma`.

    Near a mean p, a share changes by p (1 - p) times as much as its log-odds. So for the share to change by the same
    relative amount as its level, the log-odds change by that amount over 1 - p.
    """
    if not mean:
        return -inf
    deviation, middle = sigma / (1.0 - mean), log(mean / (1.0 - mean))
    nodes, weights = (each.tolist() for each in np.polynomial.hermite_e.hermegauss(_POINTS))
    low, high = middle - deviation**2, middle + deviation**2
    for _ in range(60):
        middle = (low + high) / 2
        found = sum(w * _of_odds(middle + deviation * z) for z, w in zip(nodes, weights, strict=True)) / sqrt(tau)
        low, high = (middle, high) if found < mean else (low, middle)
    return high


def _of_odds(logarithm: float) -> float:
    return 1.0 / (1.0 + exp(-logarithm)) if logarithm > -700.0 else 0.0
