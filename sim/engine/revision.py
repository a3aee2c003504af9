"""A revision of a service: a version, and the fault that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import simpy

    from meshquake.faults.fault import Fault
    from meshquake.sim.engine.modifier import Modifier


class Revision:
    """What a rollout brings to the replicas of a service; `fault` is None of the one that it started with.

    `before` is the one that it took the place of, which a rollback brings back.
    """

    __slots__ = ("before", "fault", "held", "modifiers", "recalled", "released", "version", "withdrawn")

    def __init__(self, version: str, fault: Fault | None = None, before: Revision | None = None) -> None:
        self.version = version
        self.fault = fault
        self.before = before
        #: Whether its replicas get no calls, ready or not: a whole set of them is being made, or is kept in reserve.
        self.held = False
        #: The fault's effect on each replica that runs it, by the replica's index.
        self.modifiers: dict[int, Modifier] = {}
        #: Who asked for it to be taken back, by the id of an operator's action; empty if nobody did.
        self.recalled = ""
        #: Whether its rollout is over, so that nobody is left who would hear of that.
        self.released = False
        #: Occurs when it was taken back after its rollout was over; None of the one that a service started with.
        self.withdrawn: simpy.Event | None = None
