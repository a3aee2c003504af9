"""Somebody finds what is wrong and repairs it: a cable, a disk, a neighbour's process, a setting pushed by mistake."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import LEVELS, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Mend(Action):
    """Ends every fault that is acting at the target, or with `fault` only that one.

    A fault acts at a service if its target is the service or one of its replicas or operations, and at an edge if its
    target is that edge. Settings that a fault changed are restored, and replicas that it stopped start. Some faults
    cannot be mended and continue: a release is undone by `rollback`, extra users cannot be sent away, and a flushed
    cache has to warm up. If no fault is acting at the target, nothing happens.
    """

    kind: ClassVar[str] = "mend"
    levels: ClassVar[tuple[str, ...]] = tuple(level for level in LEVELS if level != "users")
    fault: str | None = key("text", "id of the fault to end, if several act at the target", None)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.mend(target, self.fault)
        yield mesh.timeout(0)
