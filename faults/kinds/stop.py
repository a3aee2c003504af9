"""A replica's process dies: a crash, a lost node, an eviction."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window


@dataclass(frozen=True, kw_only=True)
class Stop(Fault):
    """The process is killed when the fault begins and started again when it ends.

    Severity shortens the outage: the process is down for that share of the window.
    """

    kind: ClassVar[str] = "stop"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("restarts", "crash", "replicas")
    ramps: ClassVar[bool] = False

    def acts(self, window: Window) -> Window:
        return Window(window.start, window.start, window.start + (window.end - window.start) * self.severity)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.stop(target)
        yield mesh.timeout(self.acts(window).end - mesh.now)
        for target in self.all_targets:
            mesh.start(target)
