"""The network between two services loses calls: a partition, a bad link, a wrong security group."""

from dataclasses import dataclass
from typing import ClassVar

from faults.effect import Effect
from faults.fault import Fault
from topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Cut(Fault):
    """A share of the calls on an edge never arrives; severity multiplies the share."""

    kind: ClassVar[str] = "cut"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    share: float = key("ratio", "share of calls that the network swallows", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(drop=level * self.share)
