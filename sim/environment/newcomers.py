"""Replicas added since the last look: at first all of them, later those of rollouts and autoscalers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


class Newcomers:
    """Tells of each replica of some services once."""

    def __init__(self, services: Iterable[Service]) -> None:
        #: How many replicas each service had created at the last look.
        self._created = dict.fromkeys(services, 0)

    def take(self) -> list[Replica]:
        """Return the replicas added since the last call, in order."""
        came = []
        for service, known in self._created.items():
            if service.created != known:
                came += [replica for replica in service.replicas if replica.index >= known]
                self._created[service] = service.created
        return came
