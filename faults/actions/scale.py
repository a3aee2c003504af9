"""Somebody changes how many replicas a service has: `kubectl scale`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import Surface, Window
from meshquake.faults.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class Scale(Scaling, Action):
    """The service has `to` replicas from then on; new ones take calls once they are ready.

    Those that go finish their calls. Where there is an autoscaler, it takes over at its next look.
    """

    kind: ClassVar[str] = "scale"

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        self.scale(mesh)
        yield mesh.timeout(0)
