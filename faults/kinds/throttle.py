"""A container gets less CPU time than it needs: a limit set too low, a quota cut, a burstable machine out of credit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Throttle(Fault):
    """Only the share `to` of the CPU time of each 100 ms period may be used; at severity s, 1 - s * (1 - to).

    A process that has used up its quota stands still until the next period, as under CFS bandwidth control. While the
    quota suffices, nothing is slower.
    """

    kind: ClassVar[str] = "throttle"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "cpu"
    aliases: ClassVar[tuple[str, ...]] = ("cpu_throttled", "throttling", "cpu_limit", "saturation")
    ranges: ClassVar[Mapping[str, str]] = {"to": "0.5%..5%"}
    drawn: ClassVar[bool] = False
    to: float = key("ratio", "share of its CPU time that remains", 0.1, low=0.001, high=1)

    def effect(self, level: float) -> Effect:
        return Effect(quota=1 - level * (1 - self.to))
