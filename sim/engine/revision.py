"""A revision of a service: a version, and the fault that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.faults.fault import Fault
    from meshquake.sim.engine.modifier import Modifier


class Revision:
    """What a rollout brings to the replicas of a service; `fault` is None of the one that it started with."""

    __slots__ = ("fault", "held", "modifiers", "version")

    def __init__(self, version: str, fault: Fault | None = None) -> None:
        self.version = version
        self.fault = fault
        #: Whether its replicas get no calls, ready or not: a whole set of them is being made, or is kept in reserve.
        self.held = False
        #: The fault's effect on each replica that runs it, by the replica's index.
        self.modifiers: dict[int, Modifier] = {}
