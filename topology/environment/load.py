"""What a service does besides the requests that are recorded: data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from meshquake.topology.distributions import DAY
from meshquake.topology.environment.fluctuation import Fluctuation, spread
from meshquake.topology.keys import key

#: No more of each core is taken, and no larger a share of the workers held, however far a level goes up.
MOST: Final = 0.9


@dataclass(frozen=True)
class AmbientLoad:
    """What else keeps a service busy: other products, batch consumers, admin traffic. It leaves no records.

    It is a level, not requests: background traffic as a fluid beside traffic that is simulated one by one (hybrid
    simulation of networks; Kiddle et al., "Hybrid packet/fluid flow network simulation", PADS 2003). It takes a share
    of each core, so that work takes 1 / (1 - share) times as long, as beside an M/M/1-PS queue's other customers, and
    holds workers that nobody else has. The level of each replica goes up and down by itself, as a `Fluctuation` does;
    part of what moves it moves all replicas of the service alike (`together`).
    """

    shorthand: ClassVar[str] = "cores"
    cores: float = key("ratio", "share of the cores that it takes, on average", 0.35, low=0, high=0.8)
    workers: float = key("ratio", "share of the workers that it holds, on average", 0.25, low=0, high=0.8)
    cv: float = key(
        "ratio",
        "how far it goes up and down: the coefficient of variation of its mean over five minutes",
        0.2,
        low=0,
        high=1,
    )
    over: float = key("duration", "how long ups and downs last: the time of correlation", 120.0, low=5, high=DAY)
    together: float = key(
        "ratio", "part of what moves it that moves all replicas of the service alike", 0.5, low=0, high=1
    )

    @property
    def idle(self) -> bool:
        """Whether there is nothing else that it does."""
        return not self.cores and not self.workers

    @property
    def varies(self) -> tuple[Fluctuation, ...]:
        """How it goes up and down; empty if it does not."""
        return (Fluctuation(self.cv, self.over),) if self.cv else ()

    @property
    def sigma(self) -> float:
        """The standard deviation of its logarithm."""
        return spread(self.varies)

    @property
    def problem(self) -> str:
        """What is wrong with it though its keys are right; empty if nothing is."""
        return next((each.problem for each in self.varies), "")


#: A service that does nothing else.
NOTHING = AmbientLoad(cores=0.0, workers=0.0)
