"""The network between two services is slow: a congested link, a detour through another region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Delay(Fault):
    """Every message on an edge takes longer, each way; severity multiplies the added time."""

    kind: ClassVar[str] = "delay"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("latency", "network_latency")
    ranges: ClassVar[Mapping[str, str]] = {"by": "50ms..1s"}
    by: float = key("duration", "time added each way", low=0, high=3600, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(delay=level * self.by)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside one can't tell which of them the network fails."""
        assert target.callee is not None
        return (target.callee, target.service)
