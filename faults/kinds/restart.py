"""A replica restarts gracefully: it finishes its calls first, as when a pod is deleted or a node is drained."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window


@dataclass(frozen=True, kw_only=True)
class Restart(Fault):
    """The replica gets no new calls, finishes those it has, exits and starts again.

    If other replicas have room, nobody is harmed. How long it takes depends on the mesh; severity has no effect.
    """

    kind: ClassVar[str] = "restart"
    levels: ClassVar[tuple[str, ...]] = ("replica",)
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("restarts", "replicas")
    harmless: ClassVar[bool] = True
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            yield from mesh.restart(target)
