"""A process freezes again and again: a stop-the-world garbage collector, a virtual machine that is being migrated."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Pause(Fault):
    """All work of a process stands still for `length`, once per `every`; severity multiplies the length.

    The process's cores are busy meanwhile, as with a collector that uses all of them. After a pause, work resumes where
    it stopped. Anything that needs no CPU, such as the arrival of an answer, is not held up. A health check that
    arrives during a pause fails if the pause is longer than the check's timeout.
    """

    kind: ClassVar[str] = "pause"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("pauses", "garbage_collection", "gc", "memory", "cpu")
    ranges: ClassVar[Mapping[str, str]] = {"length": "1s..3s"}
    ramps: ClassVar[bool] = False
    unshaped: ClassVar[str] = "repeats as length and every say, and has no shape"
    drawn: ClassVar[bool] = False
    length: float = key("duration", "length of each pause", 0.5, low=0.001, high=3600)
    every: float = key(
        "duration", "time from the start of one pause to the start of the next", 5.0, low=0.001, high=3600
    )

    def effect(self, level: float) -> Effect:
        return Effect(pause=level > 0, probe_delay=level * self.length)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        while mesh.now < window.end:
            begin = mesh.now
            modifier = mesh.push(self, None)
            yield mesh.timeout(min(self.length * self.severity, window.end - begin))
            mesh.pop(modifier)
            following = begin + max(self.every, self.length * self.severity)
            yield mesh.timeout(min(following, window.end) - mesh.now)
