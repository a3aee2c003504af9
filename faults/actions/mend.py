"""Somebody finds what is wrong and mends it: a cable, a disk, a neighbour's process, a setting pushed by mistake."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import LEVELS, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Mend(Action):
    """Every fault that acts at the target now is over; with `fault`, that one alone.

    A fault acts at a service if its target is the service, or a replica or an operation of it; at an edge, if it's that
    edge. Settings that a fault changed are as before, replicas that it stopped start. What can't be mended goes on: a
    release is taken back by `rollback`, more users cannot be sent away, and a cache that was flushed has to warm up.
    Where no fault acts, nothing happens.
    """

    kind: ClassVar[str] = "mend"
    levels: ClassVar[tuple[str, ...]] = tuple(level for level in LEVELS if level != "users")
    fault: str | None = key("text", "the id of the fault, of several that act there", None)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.mend(target, self.fault)
        yield mesh.timeout(0)
