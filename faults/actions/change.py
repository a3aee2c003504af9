"""Somebody changes a setting of the running mesh: a timeout, retries, a breaker, a pool, a rate limit, a probe."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Measure
from meshquake.faults.fault import Surface, Window
from meshquake.faults.push import Push


@dataclass(frozen=True, kw_only=True)
class Change(Push, Measure):
    """A configuration push: it changes settings of an edge or a service, for good or until it is undone.

    `set` is a block as in a topology file. For an edge it can hold the timeout, retries, breaker, pool and so on; for a
    service its queue, rate limit (which sheds load), probes, start-up and autoscaler; for one of a service's versions
    (`deployment`) its weight and autoscaler. Calls in flight keep the settings that they were sent with. Whatever is
    changed starts afresh (a breaker closed, a pool empty); everything else carries on.
    """

    kind: ClassVar[str] = "change"

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        self.configure(mesh)
        if self.for_ is None:
            return
        yield mesh.timeout(window.end - mesh.now)
        self.restore(mesh)
