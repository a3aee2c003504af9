"""A connection pool at run time: what one caller replica keeps open to one callee."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from meshquake.sim.engine.policy import HELD, PASS, CallerPolicy
from meshquake.sim.policies.timeout import Timeout
from meshquake.topology import policies
from meshquake.topology.errors import BY_CODE, CODES, SUCCESS

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext

_POOL_TIMEOUT = CODES["pool_timeout"]
_POOL_FULL = CODES["pool_full"]
_RESET = CODES["connection_reset"]
_CANCELLED = CODES["cancelled"]
#: Whether a connection survives an outcome, by code.
_INTACT: Final = [error is None or error.connected for error in BY_CODE]


class Pool(CallerPolicy):
    """Connections in use, idle connections, and the calls waiting for one, first come first served.

    Parameters
    ----------
    policy, edge
        Its settings, and the edge it serves.
    warm
        Whether all its connections are open, as at the start of a recording, or none.
    let_go
        Releases a call that was held.
    shortage
        Called for each call that has to wait, and for each that gave up waiting (the last argument).
    acquire
        The timeout of waiting calls, which all pools of the edge share.
    waited
        Called when a wait is over, with the time at which it began and an error's code if the call got no connection.
    """

    __slots__ = (
        "_edge",
        "_let_go",
        "_shortage",
        "_since",
        "_waited",
        "acquire",
        "idle",
        "in_use",
        "policy",
        "size",
        "stale",
        "waiters",
        "waiting",
    )

    def __init__(
        self,
        policy: policies.Pool,
        edge: RuntimeEdge,
        warm: bool,
        let_go: Callable[[Call, CallerPolicy], None],
        shortage: Callable[[Pool, Call, bool], None],
        acquire: Timeout,
        waited: Callable[[Call, float, int], None],
    ) -> None:
        self.policy = policy
        self._edge = edge
        self._let_go = let_go
        self._shortage = shortage
        self.acquire = acquire
        self._waited = waited
        #: Since when each call waits.
        self._since: dict[Call, float] = {}
        # A connection that carries several calls at a time counts once for each of them.
        #: How many are allowed now; a fault may take some away.
        self.size = policy.size * policy.streams
        self.in_use = 0
        self.idle = self.size if warm else 0
        #: How many of these are dead without anyone having noticed.
        self.stale = 0
        #: May include calls that gave up; `waiting` does not count those.
        self.waiters: deque[Call] = deque()
        self.waiting = 0

    def admit(self, call: Call, now: float) -> int:
        """Take a connection for the call, or make it wait for one."""
        if self._edge.modifiers:
            self.size = self._allowed(now)
        if self.in_use < self.size:
            if self.stale and self.idle:
                # The oldest are used first; the call that gets a dead connection finds out.
                self.stale -= 1
                self.idle -= 1
                return _RESET
            self._use(call)
            return PASS
        if self.policy.pending is not None and self.waiting >= self.policy.pending:
            return _POOL_FULL
        call.held = True
        self.waiters.append(call)
        self.waiting += 1
        self._since[call] = now
        self.acquire.admit(call, now)
        self._shortage(self, call, False)
        return HELD

    def returned(self, call: Call, now: float) -> None:
        """Free the connection, or drop it if it broke; the call that waited longest gets the next one."""
        if not call.connected:
            return
        call.connected = False
        self.in_use -= 1
        if not _INTACT[call.outcome]:
            self.idle = max(0, self.idle - self.policy.streams + 1)
            self.stale = min(self.stale, self.idle)
        elif self.in_use + self.idle < self.size:
            self.idle += 1
        self._grant()

    def cancel(self, call: Call, now: float) -> None:
        """Stop waiting for a connection."""
        if call.held:
            call.held = False
            self.waiting -= 1
            self._waited(call, self._since.pop(call), _CANCELLED)

    def disturbed(self, now: float) -> None:
        """Adjust to a size that may have changed, and admit waiting calls."""
        self.size = self._allowed(now)
        self.idle = min(self.idle, max(0, self.size - self.in_use))
        self.stale = min(self.stale, self.idle)
        self._grant()

    def callee_ended(self, replica: Replica, now: float) -> None:
        """Lose the idle connections to a replica: its share, as they are spread evenly over replicas that are up."""
        up = sum(other.up for other in replica.service.fellows(replica))
        gone = ceil(self.idle / (up + 1))
        if self.policy.notices:
            self.idle -= gone
        else:
            self.stale = min(self.idle, self.stale + gone)

    def close(self, count: int) -> None:
        """Close `count` idle connections, or as many as there are."""
        self.idle -= min(self.idle, max(0, count))
        self.stale = min(self.stale, self.idle)

    def severed(self, calls: Sequence[Call], share: float, now: float) -> None:
        """Lose the connections that were reset; waiting calls take their places and open new ones."""
        self.idle -= ceil(self.idle * share)
        for call in calls:
            self.in_use -= call.connected
            call.connected = False
        self._grant()

    def end(self) -> Sequence[Call]:
        """Release all waiting calls, and return them."""
        held = [call for call in self.waiters if call.held]
        for call in held:
            call.held = False
        self._since.clear()
        self.waiters.clear()
        self.waiting = 0
        return held

    def give_up(self, call: Call, now: float) -> None:
        """End the wait of a call that has waited as long as it may."""
        call.held = False
        self.waiting -= 1
        self._waited(call, self._since.pop(call), _POOL_TIMEOUT)
        self._shortage(self, call, True)

    def _grant(self) -> None:
        """Give free connections to the calls that have waited longest."""
        while self.waiters and self.in_use < self.size:
            call = self.waiters.popleft()
            if call.held:
                self.waiting -= 1
                call.held = False
                self._waited(call, self._since.pop(call), SUCCESS)
                self._use(call)
                self._let_go(call, self)

    def _use(self, call: Call) -> None:
        self.in_use += 1
        call.connected = True
        if self.idle:
            self.idle -= 1
            self.stale = min(self.stale, self.idle)
        else:
            call.connect = self.policy.connect
            self.idle = min(self.policy.streams - 1, self.size - self.in_use)

    def _allowed(self, now: float) -> int:
        """Return the size left by faults on the edge, at least one connection."""
        size = float(self.policy.size * self.policy.streams)
        for modifier in self._edge.modifiers:
            size *= modifier.effect(now).pool
        return max(1, round(size))


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The pools of an edge, one for each replica of the caller."""
    policy = edge.spec.pool
    if policy is None:
        return None
    callee = edge.callee.spec.name

    def shortage(pool: Pool, call: Call, gave_up: bool) -> None:
        assert call.parent is not None and call.parent.replica is not None
        replica = call.parent.replica
        values: dict[str, Any] = {"target": callee, "in_use": pool.in_use, "size": pool.size, "waiting": pool.waiting}
        if gave_up:
            context.journal.note("no_connection", replica.service, replica=replica, call=call, **values)
        elif pool.waiting == 1:
            context.journal.note("pool_exhausted", replica.service, replica=replica, **values)

    def expire(call: Call) -> None:
        if not call.held:
            return  # it got a connection in time
        assert call.caller is not None
        pool = call.caller.policies["pool"]
        assert isinstance(pool, Pool)
        pool.give_up(call, context.env._now)
        context.engine.refuse(call, _POOL_TIMEOUT)

    acquire = Timeout(context.env, policy.acquire_timeout, expire)
    return lambda replica, warm: Pool(
        policy, edge, warm, context.engine.let_go, shortage, acquire, context.journal.waited
    )
