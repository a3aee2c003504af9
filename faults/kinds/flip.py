"""A setting is changed, and the change is wrong: a timeout halved, a breaker off, a pool shrunk. It is rolled back."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window, lasting
from meshquake.faults.push import Push


@dataclass(frozen=True, kw_only=True)
class Flip(Push, Fault):
    """A configuration push: settings of an edge, or of a service, are others until the fault ends.

    `set` is a block as in a topology file: of an edge its timeout, retries, breaker and so on; of a service its queue,
    rate limit, probes, start-up and autoscaler; of one of its versions (`deployment`) its weight and autoscaler. Calls
    under way keep to the settings that they were sent with; what is changed starts anew (a breaker closed, a pool
    empty, a bucket of tokens full), and what isn't goes on. It is all or nothing: severity has no effect. With a shape
    of `on_off` it is pushed and rolled back again and again.
    """

    kind: ClassVar[str] = "flip"
    indicator: ClassVar[str] = "config"
    aliases: ClassVar[tuple[str, ...]] = ("configuration", "settings")
    ramps: ClassVar[bool] = False
    shapes: ClassVar[tuple[str, ...]] = ("on_off",)
    unshaped: ClassVar[str] = "is all or nothing: of shapes it has on_off alone, as in {on_off: {on: 5s, off: 20s}}"
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
