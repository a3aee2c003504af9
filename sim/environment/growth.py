"""How fast the memory of a process grows, and how far (`topology.environment.memory`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from meshquake.topology.addresses import address, uniform
from meshquake.topology.environment.memory import OOM, Aging
from meshquake.topology.spec import Service

#: Replicas grow up to this share faster or slower: real ones serve different requests.
_SPREAD: Final = 0.2


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of the processes of one replica.

    Attributes
    ----------
    rate
        Bytes per second.
    most
        The most bytes that a process grows by.
    usual
        The most bytes that a process has grown by at the start of a recording.
    reached
        The share of `usual` that it has grown by at the start of a recording.
    """

    rate: float
    most: float
    usual: float
    reached: float

    @classmethod
    def of(cls, service: Service, index: int, aging: Aging, seed: int) -> Growth:
        """Return the growth of a service's replica with that index."""
        key = growth_key(seed, service.name, index)
        own = 1 + _SPREAD * (2 * uniform(key, 0) - 1)
        memory = service.memory
        mark = 1.0 if aging.ends == OOM else aging.recycle_at
        room = max(0.0, mark - memory.base) * memory.limit
        # Garbage comes and goes, so no process is recycled for it.
        usual = max(0.0, room - memory.collect_at * memory.limit)
        rate = own * aging.growth_of(service.kind) * memory.limit / 3600.0
        return cls(rate, room if aging.ends == OOM else usual, usual, uniform(key, 1))

    @property
    def lasted(self) -> float:
        """For how many seconds a process has grown at the start of a recording; 0 if it doesn't grow."""
        return self.reached * self.usual / self.rate if self.rate else 0.0


def growth_key(seed: int, service: str, index: int) -> int:
    """Return the key of the draws about a replica's memory."""
    return address(seed, "memory", service, index) % 2**64
