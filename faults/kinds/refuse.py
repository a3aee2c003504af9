"""A service refuses connections: its listener is down, its backlog is full, a firewall sends resets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Refuse(Fault):
    """A share of connections is refused; severity multiplies the share.

    The same share of readiness probes is refused, unless the fault acts on a single operation.
    """

    kind: ClassVar[str] = "refuse"
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("connections", "connection_refused", "errors")
    ranges: ClassVar[Mapping[str, str]] = {"share": "30%..100%"}
    share: float = key("ratio", "share of connections refused", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(refuse=level * self.share)
