"""A healthy cache hits less often: keys that changed with a deploy, entries that expire too soon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.faults.lookups import without_lookups
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Miss(Fault):
    """A share of the lookups that would hit misses; severity multiplies the share.

    The target is a cache, or an edge to one, which affects only that caller's lookups. The harm comes from the calls
    that follow a miss.
    """

    kind: ClassVar[str] = "miss"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica", "operation", "edge")
    indicator: ClassVar[str] = "cache"
    aliases: ClassVar[tuple[str, ...]] = ("cache_hit_rate", "hit_rate", "cache_misses", "latency")
    ranges: ClassVar[Mapping[str, str]] = {"share": "50%..100%"}
    drawn: ClassVar[bool] = False
    share: float = key("ratio", "share of hits that become misses", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(miss=level * self.share)

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Only lookups can miss."""
        return without_lookups(target, topology)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """The cache; for one caller's lookups both ends, since the caller may ask for the wrong keys."""
        return (target.service,) if target.callee is None else (target.callee, target.service)
