"""The number of replicas of a service: what the fault and the action that change it share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.deployments import unclear, unclear_of_any
from meshquake.faults.fault import Cause, Surface, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Scaling(Cause):
    """A change to the number of replicas of services, or of one version of a service."""

    levels: ClassVar[tuple[str, ...]] = ("service",)
    to: int = key("count", "its new number of replicas", low=1, high=1000)
    deployment: str | None = key("text", "if versions run side by side: the one to scale", None)

    def scale(self, mesh: Surface) -> None:
        """Set the number of replicas from now on."""
        for target in self.all_targets:
            mesh.scale(target, self.to, self.deployment)

    @classmethod
    def unclear(cls, target: Target, topology: Topology) -> str:
        """Each of the versions that run side by side has replicas of its own."""
        return unclear(target, None, topology)

    def problem(self, topology: Topology) -> str:
        """It must be clear whose replicas are meant."""
        return unclear_of_any(self.all_targets, self.deployment, topology)
