"""The network between two services loses calls: a partition, a bad link, a wrong security group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Drop(Fault):
    """A share of the calls on an edge never arrives; severity multiplies the share.

    With `lost: answers`, the answers are lost instead, after the callee has done its work. Either way, a caller without
    a timeout finds out after the edge's `connect_timeout`. The edge may be one between single replicas, as in
    `web -> app[0]`.
    """

    kind: ClassVar[str] = "drop"
    former: ClassVar[str] = "cut"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("packet_loss", "partition", "connections")
    ranges: ClassVar[Mapping[str, str]] = {"share": "20%..100%"}
    share: float = key("ratio", "share of calls that the network drops", 1.0, low=0, high=1, above=True)
    lost: str | None = key(
        "choice", "which messages are lost (default: requests)", None, choices=("requests", "answers")
    )

    def effect(self, level: float) -> Effect:
        share = level * self.share
        return Effect(mute=share) if self.lost == "answers" else Effect(drop=share)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside, the network may be failing at either one."""
        assert target.callee is not None
        return (target.callee, target.service)
