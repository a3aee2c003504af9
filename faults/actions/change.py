"""Somebody changes a setting of a running mesh: a timeout, retries, a breaker, a pool, a rate limit, a probe."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Measure
from meshquake.faults.fault import Surface, Window
from meshquake.faults.push import Push


@dataclass(frozen=True, kw_only=True)
class Change(Push, Measure):
    """A configuration push: settings of an edge or of a service are others, for good or until it's taken back.

    `set` is a block as in a topology file: of an edge its timeout, retries, breaker, pool and so on; of a service its
    queue, rate limit (which sheds load), probes, start-up and autoscaler; of one of its versions (`deployment`) its
    weight and autoscaler. Calls under way keep to the settings that they were sent with; what is changed starts anew (a
    breaker closed, a pool empty), and what isn't goes on.
    """

    kind: ClassVar[str] = "change"

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        self.configure(mesh)
        if self.for_ is None:
            return
        yield mesh.timeout(window.end - mesh.now)
        self.restore(mesh)
