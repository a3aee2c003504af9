"""Somebody changes how many replicas a service has: `kubectl scale`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import Surface, Window
from meshquake.faults.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class Scale(Scaling, Action):
    """From then on the service has `to` replicas; new ones take calls once they are ready.

    Replicas that are removed finish their calls first. If the service has an autoscaler, it takes over the next time it
    evaluates.
    """

    kind: ClassVar[str] = "scale"

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        self.scale(mesh)
        yield mesh.timeout(0)
