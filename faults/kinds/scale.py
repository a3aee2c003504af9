"""Somebody changes how many replicas a service has."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from meshquake.faults.deployments import unclear
from meshquake.faults.fault import Fault, Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Scale(Fault):
    """The service has `to` replicas from then on, as after `kubectl scale`; severity has no effect.

    New ones take calls once they are ready, and those that go finish theirs. Where there is an autoscaler, it takes
    over at its next look.
    """

    kind: ClassVar[str] = "scale"
    levels: ClassVar[tuple[str, ...]] = ("service",)
    indicator: ClassVar[str] = "replicas"
    aliases: ClassVar[tuple[str, ...]] = ("availability", "saturation")
    harmless: ClassVar[bool] = True
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False
    ranges: ClassVar[Mapping[str, str]] = {"to": "1..4"}
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
        yield mesh.timeout(inf)  # so it stays
