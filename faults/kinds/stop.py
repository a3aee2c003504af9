"""A replica's process dies: a crash, a lost node, an eviction."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window, lasting


@dataclass(frozen=True, kw_only=True)
class Stop(Fault):
    """The process is killed when the fault begins and started again when it ends; severity shortens the outage.

    With an `on_off` shape this happens again and again, as in a crash loop: the process is down while the shape is on,
    and starts again during the time it is off.
    """

    kind: ClassVar[str] = "stop"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("restarts", "crash", "replicas")
    ramps: ClassVar[bool] = False
    shapes: ClassVar[tuple[str, ...]] = ("on_off",)
    unshaped: ClassVar[str] = "is all or nothing: its only shape is on_off, as in {on_off: {on: 5s, off: 20s}}"

    def acts(self, window: Window) -> Window:
        window = super().acts(window)
        *_, (begin, end) = window.phases()
        return replace(window, end=begin + (end - begin) * self.severity)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for begin, end in super().acts(window).phases():
            if begin > mesh.now and (yield from lasting(mesh, begin - mesh.now)):
                return
            for target in self.all_targets:
                mesh.stop(target)
            mended = yield from lasting(mesh, begin + (end - begin) * self.severity - mesh.now)
            for target in self.all_targets:
                mesh.start(target)
            if mended:
                return
