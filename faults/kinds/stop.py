"""A replica's process ends: a crash, a node lost, an eviction."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from faults.fault import Fault, Surface, Window


@dataclass(frozen=True, kw_only=True)
class Stop(Fault):
    """The process is killed when the fault begins and started again when it ends.

    Severity shortens it: the process is down for that share of the window.
    """

    kind: ClassVar[str] = "stop"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "availability"
    aliases: ClassVar[tuple[str, ...]] = ("restarts", "crash", "replicas")

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        mesh.stop(self.target)
        yield mesh.timeout((window.end - window.start) * self.severity)
        mesh.start(self.target)
