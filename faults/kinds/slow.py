"""A service is slower than it should be: a noisy neighbour, a lock, a missing index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Slow(Fault):
    """Its own work takes `factor` times as long; at severity s, 1 + s * (factor - 1) times."""

    kind: ClassVar[str] = "slow"
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("slow", "query_time", "saturation")
    ranges: ClassVar[Mapping[str, str]] = {"factor": "10..100"}
    factor: float = key("number", "how many times as long its work takes", low=1, high=100_000)

    def effect(self, level: float) -> Effect:
        return Effect(slowdown=1 + level * (self.factor - 1))
