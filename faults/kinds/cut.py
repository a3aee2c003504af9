"""The network between two services loses calls: a partition, a bad link, a wrong security group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Cut(Fault):
    """A share of the calls on an edge never arrives; severity multiplies the share."""

    kind: ClassVar[str] = "cut"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("packet_loss", "partition", "connections")
    ranges: ClassVar[Mapping[str, str]] = {"share": "20%..100%"}
    share: float = key("ratio", "share of calls that the network drops", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(drop=level * self.share)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside one can't tell which of them the network fails."""
        assert target.callee is not None
        return (target.callee, target.service)
