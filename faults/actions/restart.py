"""Somebody restarts a replica, or a service replica by replica: `kubectl rollout restart`, `kubectl delete pod`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Restart(Action):
    """Processes end and start again: what they leaked, hold and wait for is gone, and what they run stays.

    Of a service one replica follows another once that is ready, as in a StatefulSet. A replica finishes its calls
    first, for up to 30 s; without `graceful` it is killed, as after `kubectl delete pod --grace-period=0 --force`.
    """

    kind: ClassVar[str] = "restart"
    graceful: bool = key("flag", "calls in progress are finished first", True)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            yield from mesh.restart(target, self.graceful)
