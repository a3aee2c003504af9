"""Replicas that came since one looked last: those of the start, and later those of rollouts and autoscalers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


class Newcomers:
    """The replicas of some services, each told once."""

    def __init__(self, services: Iterable[Service]) -> None:
        #: How many each service had had when one looked last.
        self._created = dict.fromkeys(services, 0)

    def take(self) -> list[Replica]:
        """Those that came since the last time, in order."""
        came = []
        for service, known in self._created.items():
            if service.created != known:
                came += [replica for replica in service.replicas if replica.index >= known]
                self._created[service] = service.created
        return came
