"""Somebody changes how many replicas a service has: `kubectl scale`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.deployments import unclear
from meshquake.faults.fault import Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Scale(Action):
    """The service has `to` replicas from then on; new ones take calls once they are ready.

    Those that go finish their calls. Where there is an autoscaler, it takes over at its next look.
    """

    kind: ClassVar[str] = "scale"
    levels: ClassVar[tuple[str, ...]] = ("service",)
    to: int = key("count", "how many replicas it has then", low=1, high=1000)
    deployment: str | None = key("text", "of versions that run side by side, the one whose replicas are meant", None)

    @classmethod
    def unclear(cls, target: Target, topology: Topology) -> str:
        """Of versions that run side by side each has replicas of its own."""
        return unclear(target, None, topology)

    def problem(self, topology: Topology) -> str:
        """It must be clear whose replicas are meant."""
        return next(filter(None, (unclear(each, self.deployment, topology) for each in self.all_targets)), "")

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.scale(target, self.to, self.deployment)
        yield mesh.timeout(0)
