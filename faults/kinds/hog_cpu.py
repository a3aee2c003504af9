"""Something else on the machine takes CPU: a backup, a batch job, a runaway neighbour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class HogCpu(Fault):
    """A share of every core is taken away, so work takes 1/(1 - share) times as long; severity multiplies the share."""

    kind: ClassVar[str] = "hog_cpu"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "cpu"
    aliases: ClassVar[tuple[str, ...]] = ("cpu_usage", "saturation")
    ranges: ClassVar[Mapping[str, str]] = {"share": "90%..99.5%"}
    share: float = key("ratio", "share of each core taken", 0.8, low=0, high=0.999, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(hog=level * self.share)
