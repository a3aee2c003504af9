"""A connection pool at run time: what one caller replica keeps open to one callee."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from meshquake.topology.policies import Pool as Policy

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call


class Pool:
    """Connections in use, connections idle, and the calls that wait for one, first come first served."""

    __slots__ = ("idle", "in_use", "policy", "size", "waiters", "waiting")

    def __init__(self, policy: Policy, warm: bool) -> None:
        """A warm pool has all its connections open, as at the start of a recording; a cold one has none."""
        self.policy = policy
        #: Connections allowed now; a fault may take some away.
        self.size = policy.size
        self.in_use = 0
        self.idle = policy.size if warm else 0
        #: May hold calls that gave up; `waiting` counts those that didn't.
        self.waiters: deque[Call] = deque()
        self.waiting = 0

    def take(self, call: Call) -> bool:
        """Take a connection for the call, or let it wait; whether it has one now."""
        if self.in_use < self.size:
            self._use(call)
            return True
        call.pooled = WAITING
        self.waiters.append(call)
        self.waiting += 1
        return False

    def give(self, intact: bool) -> Call | None:
        """Give a connection back, or close it if it isn't intact. Returns the call that has it next."""
        self.in_use -= 1
        if intact and self.in_use + self.idle < self.size:
            self.idle += 1
        return self.grant()

    def grant(self) -> Call | None:
        """Give a free connection to the call that waited longest, if there are both."""
        while self.waiters and self.in_use < self.size:
            call = self.waiters.popleft()
            if call.pooled == WAITING:
                self.waiting -= 1
                self._use(call)
                return call
        return None

    def leave(self, call: Call) -> None:
        """A waiting call gives up."""
        call.pooled = NONE
        self.waiting -= 1

    def abandon(self) -> Call | None:
        """The caller's process ends: take out the call that waited longest, if one waits."""
        while self.waiters:
            call = self.waiters.popleft()
            if call.pooled == WAITING:
                self.leave(call)
                return call
        return None

    def _use(self, call: Call) -> None:
        self.in_use += 1
        if self.idle:
            self.idle -= 1
            call.pooled = REUSED
        else:
            call.pooled = OPENED


#: What a call has of a pool: nothing, a place in the queue, an open connection, a connection that must be opened first.
NONE, WAITING, REUSED, OPENED = 0, 1, 2, 3
