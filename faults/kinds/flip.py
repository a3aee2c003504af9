"""A setting is changed, and the change is wrong: a timeout halved, a breaker off, a pool shrunk. It is rolled back."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window, lasting
from meshquake.faults.push import Push


@dataclass(frozen=True, kw_only=True)
class Flip(Push, Fault):
    """A configuration push: it changes settings of an edge or a service until the fault ends.

    `set` is a block as in a topology file. For an edge it can hold the timeout, retries, breaker and so on; for a
    service its queue, rate limit, probes, start-up and autoscaler; for one of a service's versions (`deployment`) its
    weight and autoscaler. Calls in flight keep the settings that they were sent with. Whatever is changed starts afresh
    (a breaker closed, a pool empty, a token bucket full); everything else carries on. A push is all or nothing:
    severity has no effect. With an `on_off` shape it is pushed and rolled back again and again.
    """

    kind: ClassVar[str] = "flip"
    indicator: ClassVar[str] = "config"
    aliases: ClassVar[tuple[str, ...]] = ("configuration", "settings")
    ramps: ClassVar[bool] = False
    shapes: ClassVar[tuple[str, ...]] = ("on_off",)
    unshaped: ClassVar[str] = "is all or nothing: its only shape is on_off, as in {on_off: {on: 5s, off: 20s}}"
    drawn: ClassVar[bool] = False
    undrawn: ClassVar[tuple[str, ...]] = ("service",)
    ranges: ClassVar[Mapping[str, str]] = {"set": "{timeout: 1ms..20ms}"}

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for begin, end in self.acts(window).phases():
            if begin > mesh.now and (yield from lasting(mesh, begin - mesh.now)):
                return
            self.configure(mesh)
            mended = yield from lasting(mesh, end - mesh.now)
            self.restore(mesh)
            if mended:
                return
