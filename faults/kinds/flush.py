"""A cache loses its contents: somebody flushes it, or an eviction storm empties it."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import exp
from typing import Any, ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Target, Window
from meshquake.faults.lookups import without_lookups
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology

#: After this many time constants the cache is warm: all but a thousandth of it.
_WARM = 7


@dataclass(frozen=True, kw_only=True)
class Flush(Fault):
    """At first no lookup hits; the share of hits that are still missed then falls as exp(-t / warm).

    Severity is the share of the contents that the cache loses. How fast the cache refills depends on `warm`, not on
    traffic.
    """

    kind: ClassVar[str] = "flush"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "cache"
    aliases: ClassVar[tuple[str, ...]] = ("cache_hit_rate", "hit_rate", "cold_cache", "cache_misses", "latency")
    ranges: ClassVar[Mapping[str, str]] = {"warm": "10s..60s"}
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False
    drawn: ClassVar[bool] = False
    warm: float = key("duration", "time until 63% of the hits are back", 20.0, low=0.1, high=86_400)

    def effect(self, level: float) -> Effect:
        return Effect(miss=level)

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Only lookups can miss."""
        return without_lookups(target, topology)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        modifier = mesh.push(self, lambda now: exp((window.start - now) / self.warm))
        yield mesh.timeout(_WARM * self.warm)
        mesh.pop(modifier)
