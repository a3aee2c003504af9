"""The network between two services loses calls: a partition, a bad link, a wrong security group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from faults.effect import Effect
from faults.fault import Fault
from topology.keys import key
from topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Cut(Fault):
    """A share of the calls on an edge never arrives; severity multiplies the share."""

    kind: ClassVar[str] = "cut"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("packet_loss", "partition", "connections")
    ranges: ClassVar[Mapping[str, str]] = {"share": "20%..100%"}
    share: float = key("ratio", "share of calls that the network swallows", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(drop=level * self.share)

    def culprits(self, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside one can't tell which of them the network fails."""
        assert self.target.callee is not None
        return (self.target.callee, self.target.service)
