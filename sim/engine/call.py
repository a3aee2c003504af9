"""The life of a call, told top to bottom: the hot path of the simulator.

    sent -> arrived -> begun -> worked -> (calls its dependencies) -> finished -> answered
                                                                 or: timed out, refused, shed, lost, retried

A `Call` is one attempt at one call site: its client half (from `sent` until the caller has an answer or gives up)
and its server half (from `arrived` to `finished`). A caller that times out goes on at once; the callee keeps working on
what nobody waits for any more, with the worker it holds: that is what makes overload last.

Every call ends as one fixed-size row (`ROW`), written when its last moment has passed; all telemetry about
requests (spans, their log lines, request metrics) is derived from these rows, so it can't contradict itself.

Kept in plain typed classes, with attribute look-ups and repeated code where a helper would cost a Python call for each
of some hundred thousand calls a second; where that is so, a comment says it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from heapq import heappush

import numpy as np

from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS, CallSite
from meshquake.sim.engine.caller_state import CODES, SUCCESS, CallerState, choose, fails_over
from meshquake.sim.engine.environment import Environment
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.tape import ROW_BYTES, Row, unpack
from meshquake.sim.policies.pool import NONE, OPENED, WAITING
from meshquake.sim.policies.timeout import Deadlines

TIMEOUT = CODES["timeout"]
REFUSED = CODES["connection_refused"]
LOST = CODES["connection_timeout"]
RESET = CODES["connection_reset"]
NO_REPLICA = CODES["no_ready_replica"]
POOL_TIMEOUT = CODES["pool_timeout"]
CIRCUIT_OPEN = CODES["circuit_open"]
BULKHEAD_FULL = CODES["bulkhead_full"]
OVERLOADED = CODES["overloaded"]
DEPENDENCY = CODES["dependency_failed"]
CANCELLED = CODES["cancelled"]

#: What the caller itself refused: says nothing about the callee, so breakers don't count it.
OWN_REFUSALS = frozenset((POOL_TIMEOUT, CIRCUIT_OPEN, BULKHEAD_FULL))

#: Outcomes after which the connection, if there was one, is gone.
NOT_CONNECTED = frozenset((REFUSED, RESET, NO_REPLICA))

#: A moment that did not come. Times are never negative.
NEVER = -1.0

#: Bits of `notes` in a row.
HIT, MISS, RETRIED = 1, 2, 4

#: One row a call. Times in seconds, `NEVER` where there was no such moment; `replica` and `caller` are incarnations
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
_pack = struct.Struct("<5d2q3i2hi").pack

# Positions in a tape's row (`sim.engine.tape.Row`).
_WORK, _OUT, _BACK, _PICK, _CHANCE, _HIT, _PAUSE = range(7)

# Purposes of a modifier's draws.
_REFUSE, _HANG, _FAIL, _DROP = range(4)


class Call:
    """One attempt at one call site, or (without a caller) a user's request at its entry."""

    __slots__ = (
        "arrived",
        "attempt_path",
        "channel",
        "ended",
        "failed",
        "finished",
        "handler",
        "notes",
        "number",
        "open",
        "outcome",
        "parent",
        "pending",
        "pooled",
        "replica",
        "result",
        "root",
        "row",
        "sent",
        "site",
        "started",
        "step",
        "turn",
        "waiting",
        "work",
    )

    # Set before they're read, and only where they're needed.
    open: int  # of a root: calls of this request whose row isn't written yet
    turn: int  # of a call past a breaker: the breaker's turn
    work: float  # of a call that waits for a core: seconds of work to do
    step: int  # of a call that calls others: the group it's at
    pending: int  # calls of that group that aren't done
    failed: bool  # whether one of them failed

    def __init__(
        self,
        site: CallSite,
        number: int,
        attempt_path: int,
        parent: Call | None,
        channel: CallerState | None,
        row: Row,
        now: float,
    ) -> None:
        self.site = site
        self.number = number
        self.attempt_path = attempt_path
        self.parent = parent
        self.channel = channel
        self.row = row
        self.replica: Replica | None = None
        #: The user's request that this belongs to; None for one itself, since rings would need the garbage collector.
        self.root: Call | None = None
        #: Incarnation of the replica, as it was when the call arrived; that of the caller's side is its parent's.
        self.handler = -1
        self.sent = now
        self.arrived = self.started = self.finished = self.ended = NEVER
        self.outcome = self.result = SUCCESS
        self.notes = 0
        self.waiting = True
        self.pooled = NONE

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1: the last digit of the attempt_path."""
        return (self.attempt_path & ATTEMPT) + 1


class CallEngine:
    """Moves calls from one moment to the next.

    Parameters
    ----------
    env
        The clock.
    on_shortage
        Hears of each call that has to wait for a connection, and of each that gave up waiting (the second argument).
    """

    def __init__(self, env: Environment, on_shortage: Callable[[Call, bool], None]) -> None:
        self.env = env
        self.on_shortage = on_shortage
        self._rows = bytearray()
        #: Requests of which a row is still to come, oldest first.
        self.live: dict[Call, None] = {}
        #: Calls at a replica, working or queued, in order of arrival.
        self.inside: dict[Call, None] = {}
        #: Requests that came.
        self.arrivals = 0
        # Bound once: making a bound method for each heap entry would cost more than the entry.
        self._queue = env._queue
        self._eid = env._eid
        self._arrive = self.arrive
        self._worked = self.worked
        self._answered = self.answered
        self._again = self.again
        self._lost = self.lost

    @property
    def count(self) -> int:
        """Rows that nobody took yet."""
        return len(self._rows) // ROW.itemsize

    def take(self) -> bytes:
        """The rows of calls that are over, packed as `ROW`, in the order in which they ended; each is given once."""
        rows = bytes(self._rows)
        self._rows.clear()
        return rows

    # -- a user comes -------------------------------------------------------------------------------------------------

    def enter(self, site: CallSite, number: int, ingress: CallerState | None, balance: str) -> None:
        """A user's request arrives at its entry service."""
        now = self.env._now
        row = site.tape.row(number)
        root = Call(site, number, 0, None, ingress, row, now)
        root.open = 1
        self.live[root] = None
        self.arrivals += 1
        ready = site.ready
        if not ready or ingress is None:
            root.arrived = root.finished = now
            root.outcome = NO_REPLICA
            self._close(root)
            return
        root.replica = choose(ready, balance, ingress, row[_PICK])
        self.arrive(root)

    # -- the caller's side: sent --------------------------------------------------------------------------------------

    def send(self, parent: Call, site: CallSite, attempt: int) -> None:
        """The caller makes an attempt: past its breaker, bulkhead and pool, towards a replica of the callee."""
        now = self.env._now
        number = parent.number
        attempt_path = (parent.attempt_path << ATTEMPT_BITS) | (attempt - 1)
        tape = site.tape if attempt_path == 0 else site.tape_of(attempt_path)
        index = number - tape.first  # `Tape.row`, inlined: once a call
        row = unpack(tape.page, index * ROW_BYTES) if 0 <= index < tape.size else tape.row(number)
        caller = parent.replica
        link = site.link
        assert caller is not None and link is not None
        channel = caller.channels[link.index]
        call = Call(site, number, attempt_path, parent, channel, row, now)
        call.root = root = parent.root or parent
        root.open += 1
        channel.in_flight += 1
        if channel.budget is not None and attempt == 1:
            channel.budget.deposit(now)
        breaker = channel.breaker
        if breaker is not None:
            if breaker.state and not breaker.permits(now):  # `permits`, inlined for a closed one
                self.conclude(call, CIRCUIT_OPEN)
                self._close(call)
                return
            call.turn = breaker.turn
        if channel.limit is not None and channel.in_flight > channel.limit:
            self.conclude(call, BULKHEAD_FULL)
            self._close(call)
            return
        deadlines = link.deadlines
        if deadlines is not None:
            deadlines.calls.append(call)  # `Deadlines.watch`, inlined
            if not deadlines.armed:
                deadlines.arm(call)
        pool = channel.pool
        if pool is not None:
            if link.modifiers:
                pool.size = self._pool_size(channel, now)
            if not pool.take(call):
                assert link.acquire is not None
                link.acquire.watch(call)
                self.on_shortage(call, False)
                return
        self.dispatch(call)

    def dispatch(self, call: Call) -> None:
        """The call leaves its caller for a replica."""
        site = call.site
        ready = site.ready
        now = self.env._now
        link = site.link
        channel = call.channel
        assert link is not None and channel is not None
        if not ready:
            call.outcome = NO_REPLICA
            # By way of the heap, since the answer may let the next one in the pool's queue come here.
            heappush(self._queue, (now, 1, next(self._eid), self._answered, call))
            return
        row = call.row
        call.replica = choose(ready, link.balance, channel, row[_PICK])
        delay = row[_OUT]
        crossings = 1
        if call.pooled == OPENED:
            link.opened += 1
            delay += row[_OUT] + row[_BACK]  # the handshake: one round trip more
            crossings = 3
        if link.modifiers:
            for modifier in link.modifiers:
                effect = modifier.effect(now)
                delay += crossings * effect.delay
                if modifier.strikes(effect.drop, call, _DROP):
                    heappush(self._queue, (now + link.spec.connect_timeout, 1, next(self._eid), self._lost, call))
                    return
        heappush(self._queue, (now + delay, 1, next(self._eid), self._arrive, call))

    # -- the callee's side: arrived, begun, worked, finished -----------------------------------------------------------

    def arrive(self, call: Call) -> None:
        """The call reaches a replica: a worker takes it, or it queues, or it's shed."""
        replica = call.replica
        assert replica is not None
        now = self.env._now
        if not replica.up or (replica.modifiers and self._refused(call, replica, now)):
            call.outcome = REFUSED
            if call.parent is None:
                call.arrived = call.finished = now
                call.replica = None
                self._close(call)
            else:
                heappush(self._queue, (now + self._return_time(call), 1, next(self._eid), self._answered, call))
            return
        call.arrived = now
        call.handler = replica.incarnation
        if replica.free:
            self.inside[call] = None
            replica.calls += 1
            replica.free -= 1
            replica.busy_clock -= now
            self.begin(call, replica)
        elif len(replica.queue) < replica.limit:
            self.inside[call] = None
            replica.calls += 1
            replica.queue.append(call)
        else:
            call.finished = now
            call.outcome = OVERLOADED
            replica.handled += 1
            if call.parent is None:
                self._close(call)
            else:
                heappush(self._queue, (now + self._return_time(call), 1, next(self._eid), self._answered, call))

    def begin(self, call: Call, replica: Replica) -> None:
        """A worker takes the call; its own work begins once a core is free."""
        now = self.env._now
        call.started = now
        work = call.row[_WORK]
        if call.pooled == OPENED:
            pool = call.channel.pool  # type: ignore[union-attr]
            assert pool is not None
            work += pool.policy.connect
        if replica.modifiers:
            work = self._impaired(call, replica, now, work)
            if work < 0:
                return
        if replica.idle_cores:
            replica.idle_cores -= 1
            replica.core_clock -= now
            heappush(self._queue, (now + work, 1, next(self._eid), self._worked, call))
        else:
            call.work = work
            replica.run_queue.append(call)

    def worked(self, call: Call) -> None:
        """The call's own work is done; the worker is held while its dependencies are called."""
        if call.finished >= 0.0:
            return  # its process was killed meanwhile
        replica = call.replica
        assert replica is not None
        # Who waits is asked for only where nobody could go on at once: one look less at memory.
        if not replica.idle_cores and replica.run_queue:
            following = replica.run_queue.popleft()
            heappush(self._queue, (self.env._now + following.work, 1, next(self._eid), self._worked, following))
        else:
            replica.idle_cores += 1
            replica.core_clock += self.env._now
        if call.outcome:
            self.finish(call, call.outcome)
        elif call.site.steps:
            call.step = 0
            call.failed = False
            self.proceed(call)
        else:
            self.finish(call, SUCCESS)

    def proceed(self, call: Call) -> None:
        """The call sends the next group of calls it has to make, or is finished if there is none."""
        steps = call.site.steps
        while call.step < len(steps):
            group, always = steps[call.step]
            chosen = group if always else [site for site in group if self._happens(site, call)]
            if chosen:
                # Counted before any is sent: one that fails at once comes back at once.
                call.pending = len(chosen)
                for site in chosen:
                    self.send(call, site, 1)
                return
            call.step += 1
        self.finish(call, SUCCESS)

    def resume(self, call: Call, failed: bool) -> None:
        """A call that this one made is over. All of a group are waited for, then a failure fails the caller."""
        call.failed |= failed
        call.pending -= 1
        if call.pending:
            return
        if call.failed:
            self.finish(call, DEPENDENCY)
        else:
            call.step += 1
            self.proceed(call)

    def finish(self, call: Call, outcome: int) -> None:
        """The callee is done: the answer leaves, and the worker takes the next call."""
        now = self.env._now
        call.finished = now
        call.outcome = outcome
        replica = call.replica
        assert replica is not None
        del self.inside[call]
        replica.calls -= 1
        replica.handled += 1
        if call.parent is None:
            self._close(call)
        else:
            link = call.site.link
            delay = self._return_time(call) if link.modifiers else call.row[_BACK]  # type: ignore[union-attr]
            heappush(self._queue, (now + delay, 1, next(self._eid), self._answered, call))
        if not replica.free and replica.queue:
            self.begin(replica.queue.popleft(), replica)
        else:
            replica.free += 1
            replica.busy_clock += now

    # -- the caller's side again: answered, timed out, lost, retried ---------------------------------------------------

    def answered(self, call: Call) -> None:
        """The answer reaches the caller, who may have stopped waiting long ago."""
        if call.pooled:
            call.pooled = NONE
            following = call.channel.pool.give(call.outcome not in NOT_CONNECTED)  # type: ignore[union-attr]
            if following is not None:
                self.dispatch(following)
        if call.waiting:
            self.conclude(call, call.outcome)
        self._close(call)

    def timed_out(self, call: Call) -> None:
        """The caller gives up. The callee knows nothing of it."""
        waits_for_connection = call.pooled == WAITING
        if waits_for_connection:
            call.channel.pool.leave(call)  # type: ignore[union-attr]
        self.conclude(call, TIMEOUT)
        if waits_for_connection:
            self._close(call)

    def unpooled(self, call: Call) -> None:
        """The caller gives up waiting for a connection."""
        if call.pooled == WAITING:
            call.channel.pool.leave(call)  # type: ignore[union-attr]
            self.on_shortage(call, True)
            self.conclude(call, POOL_TIMEOUT)
            self._close(call)

    def lost(self, call: Call) -> None:
        """The network swallowed the call, and the caller's kernel stops trying to connect."""
        call.outcome = RESET  # for the pool: this connection is gone
        if call.pooled:
            call.pooled = NONE
            following = call.channel.pool.give(False)  # type: ignore[union-attr]
            if following is not None:
                self.dispatch(following)
        if call.waiting:
            self.conclude(call, LOST)
        self._close(call)

    def conclude(self, call: Call, result: int) -> None:
        """The caller stops waiting, with this result: it tries again, goes on, or fails in turn."""
        now = self.env._now
        call.waiting = False
        call.result = result
        channel = call.channel
        parent = call.parent
        site = call.site
        assert channel is not None and parent is not None
        channel.in_flight -= 1
        deadlines = channel.link.deadlines
        if deadlines is not None:
            # Those answered are let go at once, so that their memory is used again while the processor has it at hand.
            watched = deadlines.calls
            while watched and not watched[0].waiting:
                watched.popleft()
        if parent.finished >= 0.0:
            # The caller was killed while it waited.
            call.ended = parent.finished
            call.result = CANCELLED
            return
        call.ended = now
        breaker = channel.breaker
        if breaker is not None and result != CIRCUIT_OPEN:
            if result and result in OWN_REFUSALS:
                breaker.forgive(call.turn)
            else:
                breaker.record(now, call.turn, result != SUCCESS, now - call.sent)
        if result == SUCCESS:
            if site.hit_rate is not None:
                if call.row[_HIT] < site.hit_rate:
                    call.notes |= HIT
                    self.resume(parent, False)
                    return
                call.notes |= MISS
            if site.then is not None:
                self.send(parent, site.then, 1)
            else:
                self.resume(parent, False)
            return
        if fails_over(channel, call, result, now):
            call.notes |= RETRIED
            retry = channel.link.spec.retry
            assert retry is not None
            pause = min(retry.base * (2**call.attempt - 1), retry.maximum) * call.row[_PAUSE]
            heappush(self._queue, (now + pause, 1, next(self._eid), self._again, call))
        elif site.then is not None and (site.optional or site.hit_rate is not None):
            self.send(parent, site.then, 1)  # a lookup that failed is a miss
        else:
            self.resume(parent, not site.optional)

    def again(self, call: Call) -> None:
        """The pause is over: the next attempt, unless the caller was killed meanwhile."""
        parent = call.parent
        assert parent is not None
        if parent.finished < 0.0:
            self.send(parent, call.site, call.attempt + 1)

    # -- what faults do to calls --------------------------------------------------------------------------------------

    def kill(self, replica: Replica) -> None:
        """The replica's process ends: every call here is lost, and its callers' connections are reset."""
        now = self.env._now
        calls = [call for call in self.inside if call.replica is replica]
        replica.clear(now)
        for channel in replica.channels:
            while channel.pool is not None and (waiting := channel.pool.abandon()) is not None:
                waiting.ended = now
                waiting.result = CANCELLED
                waiting.waiting = False
                self._close(waiting)
        for call in calls:
            del self.inside[call]
            call.finished = now
            call.outcome = RESET
            if call.parent is None:
                self._close(call)
            else:
                heappush(self._queue, (now + self._return_time(call), 1, next(self._eid), self._answered, call))

    def release(self, modifier: Modifier) -> None:
        """Calls that hung because of this modifier, which acts no more, go on, or hang because of another."""
        now = self.env._now
        for call in modifier.parked:
            replica = call.replica
            assert replica is not None
            if call.finished >= 0.0:
                continue
            other = self._hangs(call, replica, now)
            if other is not None:
                other.parked.append(call)
            elif replica.idle_cores:
                replica.idle_cores -= 1
                replica.core_clock -= now
                heappush(self._queue, (now + call.work, 1, next(self._eid), self._worked, call))
            else:
                replica.run_queue.append(call)
        modifier.parked.clear()

    def resize(self, channel: CallerState) -> None:
        """A pool's size may have changed: let those in who wait."""
        pool = channel.pool
        if pool is None:
            return
        pool.size = self._pool_size(channel, self.env._now)
        pool.idle = min(pool.idle, max(0, pool.size - pool.in_use))
        while (call := pool.grant()) is not None:
            self.dispatch(call)

    def _pool_size(self, channel: CallerState, now: float) -> int:
        size = float(channel.pool.policy.size)  # type: ignore[union-attr]
        for modifier in channel.link.modifiers:
            size *= modifier.effect(now).pool
        return max(1, round(size))

    def _refused(self, call: Call, replica: Replica, now: float) -> bool:
        return any(
            modifier.operation in (-1, call.site.operation)
            and modifier.strikes(modifier.effect(now).refuse, call, _REFUSE)
            for modifier in replica.modifiers
        )

    def _impaired(self, call: Call, replica: Replica, now: float, work: float) -> float:
        """The time the call's work takes under what acts on the replica; negative if it hangs."""
        left = 1.0
        for modifier in replica.modifiers:
            if modifier.operation not in (-1, call.site.operation):
                continue
            effect = modifier.effect(now)
            work *= effect.slowdown
            left *= 1.0 - effect.hog
            if modifier.strikes(effect.fail, call, _FAIL):
                call.outcome = CODES[effect.error]
        work /= left
        hangs = self._hangs(call, replica, now)
        if hangs is None:
            return work
        call.work = work
        hangs.parked.append(call)
        return -1.0

    def _hangs(self, call: Call, replica: Replica, now: float) -> Modifier | None:
        """The first of the replica's modifiers that makes the call hang."""
        for modifier in replica.modifiers:
            if modifier.operation in (-1, call.site.operation) and modifier.strikes(
                modifier.effect(now).hang, call, _HANG
            ):
                return modifier
        return None

    def _happens(self, site: CallSite, parent: Call) -> bool:
        """Whether a call that is made with some probability is made for this request."""
        attempt_path = parent.attempt_path << ATTEMPT_BITS
        tape = site.tape if attempt_path == 0 else site.tape_of(attempt_path)
        return tape.row(parent.number)[_CHANCE] < site.probability

    def _return_time(self, call: Call) -> float:
        """The network time of the answer."""
        link = call.site.link
        assert link is not None
        time = call.row[_BACK]
        if link.modifiers:
            for modifier in link.modifiers:
                time += modifier.effect(self.env._now).delay
        return time

    # -- over
    # -----------------------------------------------------------------------------------------------------------

    def _close(self, call: Call) -> None:
        """Nothing more happens to this call: write its row."""
        parent = call.parent
        self._rows += _pack(
            call.sent,
            call.arrived,
            call.started,
            call.finished,
            call.ended,
            call.number,
            call.attempt_path,
            call.site.index,
            call.handler,
            -1 if parent is None else parent.handler,
            call.outcome,
            call.result,
            call.notes,
        )
        root = call.root or call
        root.open -= 1
        if root.open == 0:
            del self.live[root]

    def deadlines(self, length: float | None, acquire: bool = False) -> Deadlines | None:
        """Deadlines for a timeout (or for the wait for a connection) of so many seconds."""
        if length is None:
            return None
        return Deadlines(self.env, length, self.unpooled if acquire else self.timed_out)
