"""A service leaks memory until it hits its limit, is killed and restarts."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Leak(Fault):
    """Each replica leaks `rate` of memory per second and frees it only by restarting; severity multiplies the rate.

    Replicas leak up to a tenth faster or slower, so that they do not all hit their limit at the same instant.
    """

    kind: ClassVar[str] = "leak"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "memory"
    aliases: ClassVar[tuple[str, ...]] = ("memory_usage", "oom")
    ranges: ClassVar[Mapping[str, str]] = {"rate": "15MiB..100MiB"}
    rate: float = key("size", "memory that each replica leaks per second", low=1)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        yield from mesh.leak(self, self.rate * self.severity, window.level, window.end)
