"""Somebody restarts a replica, or a service replica by replica: `kubectl rollout restart`, `kubectl delete pod`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.fault import Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Restart(Action):
    """Processes end and start again: what they leaked, held or waited for is gone; the version they run stays the same.

    The replicas of a service restart one at a time, each once the previous one is ready, as in a StatefulSet. A replica
    first finishes its calls, for up to 30 s; without `graceful` it is killed, as by
    `kubectl delete pod --grace-period=0 --force`.
    """

    kind: ClassVar[str] = "restart"
    graceful: bool = key("flag", "whether calls in progress are finished first", True)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            yield from mesh.restart(target, self.graceful)
