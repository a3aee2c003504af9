"""New connections between two services cannot be made: an expired certificate, a name that no longer resolves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Handshake(Fault):
    """A share of the connections opened on an edge fails; severity multiplies the share.

    Existing connections survive: pooled ones until they break, and without a pool those between processes that both
    started before the fault. So the fault can go unnoticed for a long time, and restarts make it worse.
    """

    kind: ClassVar[str] = "handshake"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("certificate", "tls", "dns", "connections", "availability")
    ranges: ClassVar[Mapping[str, str]] = {"share": "50%..100%"}
    drawn: ClassVar[bool] = False
    share: float = key("ratio", "share of new connections that fail", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(unconnected=level * self.share)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside, either one may fail the handshake."""
        assert target.callee is not None
        return (target.callee, target.service)
