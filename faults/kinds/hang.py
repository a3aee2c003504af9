"""Requests get stuck: a deadlock, a lost lock, a disk that does not respond."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.keys import key

#: How often calls are released as the share falls (seconds).
_LOOK = 0.25


@dataclass(frozen=True, kw_only=True)
class Hang(Fault):
    """A share of requests hold their workers until the fault ends; severity multiplies the share.

    With a shape, stuck requests resume once the falling share no longer includes them. The same share of readiness
    probes gets stuck, unless the fault acts on a single operation.
    """

    kind: ClassVar[str] = "hang"
    indicator: ClassVar[str] = "latency"
    aliases: ClassVar[tuple[str, ...]] = ("stuck", "deadlock", "timeouts", "workers")
    ranges: ClassVar[Mapping[str, str]] = {"share": "5%..50%"}
    share: float = key("ratio", "share of requests that get stuck", 1.0, low=0, high=1, above=True)

    def effect(self, level: float) -> Effect:
        return Effect(hang=level * self.share)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        modifier = mesh.push(self, None if window.steady else window.level)
        while window.shape is not None and mesh.now + _LOOK < window.end:
            yield mesh.timeout(_LOOK)
            # What the old modifier lets go gets stuck on the new one if it is still within the share.
            before, modifier = modifier, mesh.push(self, window.level)
            mesh.pop(before)
        yield mesh.timeout(window.end - mesh.now)
        mesh.pop(modifier)
