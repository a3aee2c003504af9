"""Somebody takes a replica out of rotation: a backend set to drain, a pod whose labels no service selects any more."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Measure
from meshquake.faults.fault import Surface, Window


@dataclass(frozen=True, kw_only=True)
class Drain(Measure):
    """The replica gets no new calls and finishes those it has; its process keeps running and answers its probes.

    This is HAProxy's `set server state drain`. With `for`, the replica is put back in rotation after that time. Callers
    that balance by what they know about replicas learn of it at once.
    """

    kind: ClassVar[str] = "drain"
    levels: ClassVar[tuple[str, ...]] = ("replica",)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.take_out(target)
        if self.for_ is None:
            return
        yield mesh.timeout(window.end - mesh.now)
        for target in self.all_targets:
            mesh.put_back(target)
