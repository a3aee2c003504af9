"""A call: one attempt at one call site, and the row that it leaves."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.topology.errors import SUCCESS

if TYPE_CHECKING:
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.tape import Draws

#: The time of something that did not happen. Times are never negative.
NEVER: Final = -1.0

#: Bits of `notes` in a row: a lookup hit, or missed; another attempt follows; the caller went on with this attempt's
#: result (with several attempts that is the last one, unless some are concurrent).
HIT: Final = 1
MISS: Final = 2
RETRIED: Final = 4
DECIDED: Final = 8
#: A hedge: an attempt after the first that did not wait for a failure; and an attempt that failed while others at the
#: same call are under way, one of which decides.
HEDGE: Final = 16
OUTRUN: Final = 32
#: Its caller had ejected replicas as outliers: the call was kept away from them, or used them all the same because too
#: few were left.
KEPT_AWAY: Final = 64
PANICKED: Final = 128
#: The network swallowed its answer; it waited for a connection, or for other permission, before it was sent.
SWALLOWED: Final = 1 << 8
WAITED: Final = 1 << 9
#: A user's request whose user didn't wait for the answer. The server does not know, and the rest of the row is what the
#: server did.
ABANDONED: Final = 1 << 16
#: A user's request on whose answer the user's next step depends.
AWAITED: Final = 1 << 17

#: One row per call. Times are in seconds, `NEVER` if the event did not happen; `replica` and `caller` are incarnations
#: (a replica under one version), -1 for none; `outcome` and `result` are what the server said and what the client saw.
ROW = np.dtype(
    [
        ("sent", "<f8"),
        ("arrived", "<f8"),
        ("started", "<f8"),
        ("finished", "<f8"),
        ("ended", "<f8"),
        ("number", "<i8"),
        ("attempt_path", "<i8"),
        ("site", "<i4"),
        ("replica", "<i4"),
        ("caller", "<i4"),
        ("outcome", "<i2"),
        ("result", "<i2"),
        ("notes", "<i4"),
    ]
)
pack_row = struct.Struct("<5d2q3i2hi").pack


class Call:
    """One attempt at one call site, or (without a caller) a user's request at its entry."""

    __slots__ = (
        "arrived",
        "attempt_path",
        "caller",
        "connect",
        "connected",
        "deadline",
        "draws",
        "due",
        "ended",
        "failed",
        "finished",
        "former",
        "generation",
        "handler",
        "held",
        "next_at",
        "notes",
        "number",
        "open",
        "outcome",
        "parent",
        "pending",
        "race",
        "replica",
        "result",
        "retry_after",
        "root",
        "sent",
        "site",
        "started",
        "step",
        "waiting",
        "work",
    )

    # Set before they're read, and only where they're needed.
    # Of a root: the calls of this request whose row isn't written yet; None if the request is no longer followed.
    open: dict[Call, None] | None
    work: float  # of a call that waits for a core: seconds of work to do
    pending: int  # calls of that group that aren't done
    failed: bool  # whether one of them failed
    former: Call | None  # of a call that a service makes: the attempt before this one
    next_at: float  # of an attempt that failed: when the next one would be made
    deadline: float  # of a call whose caller has one beyond its timeout (`sim.policies.deadline`)
    race: Race  # of a call that may have several attempts under way
    retry_after: float  # of a call that was refused and told when to retry: seconds

    def __init__(
        self,
        site: CallSite,
        number: int,
        attempt_path: int,
        parent: Call | None,
        caller: CallerState | None,
        draws: Draws,
        now: float,
    ) -> None:
        self.site = site
        self.number = number
        self.attempt_path = attempt_path
        self.parent = parent
        #: What the caller's replica knows of the callee.
        self.caller = caller
        self.draws = draws
        self.replica: Replica | None = None
        #: The user's request that this belongs to; None for that request itself, to avoid a reference cycle.
        self.root: Call | None = None
        #: Incarnation of the replica when the call arrived; the caller's incarnation is that of the parent.
        self.handler = -1
        self.sent = now
        self.arrived = self.started = self.finished = self.ended = NEVER
        #: When the work for which it has, or had, a whole core is done.
        self.due = NEVER
        self.outcome = self.result = SUCCESS
        self.notes = 0
        #: The group of calls that it has reached, if it calls others; negative until its own work is done.
        self.step = -1
        #: Whether the caller waits for the answer.
        self.waiting = True
        #: Whether one of the caller's policies holds it, and whether it has a connection from a pool.
        self.held = self.connected = False
        #: The callee's work (seconds) to accept a connection opened for it; negative if none is opened.
        self.connect = -1.0
        #: The generation of a breaker's state when the call passed it.
        self.generation = -1

    @property
    def followed(self) -> bool:
        """Whether rows of this call, or of others of its request, are still to come."""
        return (self.root or self).open is not None

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1: the last digit of the path."""
        return (self.attempt_path & ATTEMPT) + 1


class Race:
    """The concurrent attempts at one call, in order, and the latest one."""

    __slots__ = ("last", "running")

    def __init__(self, first: Call) -> None:
        self.running = [first]
        self.last = first
