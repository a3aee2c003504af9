"""A revision of a service: a version, and the fault that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import simpy

    from meshquake.faults.fault import Fault
    from meshquake.sim.engine.modifier import Modifier


class Revision:
    """What a rollout brings to the replicas of a service; `fault` is None for the one that the service started with.

    `before` is the revision that it replaced, which a rollback brings back.
    """

    __slots__ = ("before", "fault", "held", "modifiers", "recalled", "released", "version", "withdrawn")

    def __init__(self, version: str, fault: Fault | None = None, before: Revision | None = None) -> None:
        self.version = version
        self.fault = fault
        self.before = before
        #: Whether its replicas get no calls, even if ready: a whole set of them is being created, or kept in reserve.
        self.held = False
        #: The fault's effect on each replica that runs it, by the replica's index.
        self.modifiers: dict[int, Modifier] = {}
        #: The id of the operator's action that asked for a rollback; empty if none did.
        self.recalled = ""
        #: Whether its rollout is over, so that nothing is left to notice such a request.
        self.released = False
        #: Occurs when it is taken back after its rollout was over; None for the revision that a service started with.
        self.withdrawn: simpy.Event | None = None
