"""The network between two services is slow: a congested link, a detour over another region."""

from dataclasses import dataclass
from typing import ClassVar

from faults.effect import Effect
from faults.fault import Fault
from topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Delay(Fault):
    """Every message on an edge takes longer, each way; severity multiplies the time."""

    kind: ClassVar[str] = "delay"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    by: float = key("duration", "time added each way", low=0, high=3600, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(delay=level * self.by)
