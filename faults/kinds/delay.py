"""The network between two services is slow: a congested link, a detour through another region."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.faults.spread import Spread
from meshquake.topology.distributions import Distribution
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Delay(Fault):
    """Messages on an edge take longer, each way; severity multiplies the added time.

    With `only` it is one of the ways, as where `tc netem` acts on what leaves one of two hosts. With a `share`, it is
    the requests and the answers of a share of the calls. A distribution of times gives each message one of its own:
    jitter, as `tc netem` has it.
    """

    kind: ClassVar[str] = "delay"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("latency", "network_latency")
    ranges: ClassVar[Mapping[str, str]] = {"by": "50ms..1s"}
    by: float | Distribution = key("duration", "time added each way", low=0, high=3600, above=True, varies=True)
    share: float | None = key(
        "ratio", "share of calls that are delayed (default: all)", None, low=0, high=1, above=True
    )
    only: str | None = key("choice", "what of them is delayed (default: both)", None, choices=("requests", "answers"))

    def effect(self, level: float) -> Effect:
        share = 1.0 if self.share is None else self.share
        effect = Effect(
            delayed=share,
            delays_requests=self.only != "answers",
            delays_answers=self.only != "requests",
        )
        if not isinstance(self.by, Distribution):
            return replace(effect, delay=level * self.by)
        spread = Spread(0.0, level, self.by)
        return replace(effect, delay=spread.mean(), delays=spread)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside one can't tell which of them the network fails."""
        assert target.callee is not None
        return (target.callee, target.service)
