"""Somebody rolls back a release: `kubectl rollout undo`."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Action
from meshquake.faults.deployments import unclear, unclear_of_any
from meshquake.faults.fault import Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Rollback(Action):
    """The replicas return to the version that they ran before the newest release, whether in progress or complete.

    The rollback follows the service's `rollout` strategy, as the release did. If nothing was released, or the release
    has already been rolled back, nothing happens.
    """

    kind: ClassVar[str] = "rollback"
    deployment: str | None = key("text", "if versions run side by side: the one whose release is rolled back", None)

    @classmethod
    def unclear(cls, target: Target, topology: Topology) -> str:
        """Each of the versions that run side by side is released separately."""
        return unclear(target, None, topology)

    def problem(self, topology: Topology) -> str:
        """It must be clear whose replicas are meant."""
        return unclear_of_any(self.all_targets, self.deployment, topology)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            yield from mesh.roll_back(target, self.deployment, self.id)
