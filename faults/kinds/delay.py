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
    """Messages on an edge take longer in each direction; severity multiplies the added time.

    With `only`, just one direction is delayed, as when `tc netem` acts on the outgoing traffic of one of two hosts.
    With a `share`, the delay applies to the requests and answers of that share of calls. If `by` is a distribution,
    each message draws its own delay: jitter, as in `tc netem`.
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
    only: str | None = key(
        "choice", "which messages are delayed (default: both)", None, choices=("requests", "answers")
    )

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
        """Both ends: from outside, the network may be failing at either one."""
        assert target.callee is not None
        return (target.callee, target.service)
