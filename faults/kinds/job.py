"""A scheduled job runs on a service. It takes some CPU, and harms nobody unless CPU was already short."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Job(Fault):
    """A job takes a share of each core while it runs; severity multiplies the share."""

    kind: ClassVar[str] = "job"
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")
    indicator: ClassVar[str] = "cpu"
    aliases: ClassVar[tuple[str, ...]] = ("cpu_usage",)
    harmless: ClassVar[bool] = True
    name: str = key("text", "name of the job", "nightly-report")
    share: float = key("ratio", "share of each core taken", 0.1, low=0, high=0.999)

    def effect(self, level: float) -> Effect:
        return Effect(hog=level * self.share)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.announce("job_started", target.service, job=self.name)
        yield from super().run(mesh, window)
        for target in self.all_targets:
            mesh.announce("job_finished", target.service, job=self.name)
