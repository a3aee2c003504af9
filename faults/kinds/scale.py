"""Somebody changes how many replicas a service has."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window
from meshquake.faults.scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class Scale(Scaling, Fault):
    """From then on the service has `to` replicas, as after `kubectl scale`; severity has no effect.

    New replicas take calls once they are ready, and those that are removed finish theirs. If the service has an
    autoscaler, it takes over the next time it evaluates.
    """

    kind: ClassVar[str] = "scale"
    indicator: ClassVar[str] = "replicas"
    aliases: ClassVar[tuple[str, ...]] = ("availability", "saturation")
    harmless: ClassVar[bool] = True
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False
    ranges: ClassVar[Mapping[str, str]] = {"to": "1..4"}

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        self.scale(mesh)
        yield mesh.timeout(inf)  # so it stays
