"""The life of a call, from top to bottom: the hot path of the simulator.

    sent -> arrived -> begun -> worked -> (calls its dependencies) -> finished -> answered
                                                                 or: timed out, refused, shed, lost, retried

A `Call` is one attempt at one call site: its client half (from `sent` until the caller has an answer or gives up)
and its server half (from `arrived` to `finished`). A caller that times out goes on at once; the callee keeps working,
and holds its worker, though nobody waits any more: that is what makes overload last.

How callers and servers protect themselves is not decided here: at certain moments a call asks its policies
(`sim.engine.policy`), none of which the engine knows by name.

Every call ends as one fixed-size row (`ROW`), written when its last moment has passed; all telemetry about
requests (spans, their log lines, request metrics) is derived from these rows, so it can't contradict itself.

The code is plain typed classes, with attribute look-ups and some repeated code where a helper would cost a Python call
for each of some hundred thousand calls a second; a comment marks these places.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush
from typing import Final

from meshquake.sim.engine import impairment
from meshquake.sim.engine.call import DECIDED, HIT, MISS, RETRIED, ROW, SWALLOWED, WAITED, Call, Race, pack_row
from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS, WORKS, YIELDS, CallSite
from meshquake.sim.engine.caller_state import CallerState
from meshquake.sim.engine.environment import Environment
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.policy import HELD, CallerPolicy
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.tape import BACK, CHANCE, DRAWS_BYTES, LOOKUP, OUT, WORK, unpack
from meshquake.topology.errors import BY_CODE, CODES, FOLLOWED, SUCCESS

TIMEOUT: Final = CODES["timeout"]
REFUSED: Final = CODES["connection_refused"]
LOST: Final = CODES["connection_timeout"]
RESET: Final = CODES["connection_reset"]
NO_REPLICA: Final = CODES["no_ready_replica"]
OVERLOADED: Final = CODES["overloaded"]
SHED: Final = CODES["shed"]
UNCONNECTED: Final = CODES["connect_failed"]
DEPENDENCY: Final = CODES["dependency_failed"]
CANCELLED: Final = CODES["cancelled"]
UNFINISHED: Final = CODES["unfinished"]

#: A cancellation that overtakes its call is tried again after at least this time (seconds).
_AGAIN: Final = 0.001


class CallEngine:
    """Moves calls from one moment to the next. `env` is the clock."""

    def __init__(self, env: Environment, seed: int) -> None:
        self.env = env
        self.seed = seed
        self._rows = bytearray()
        #: Requests with rows still to come, oldest first.
        self.live: dict[Call, None] = {}
        #: How many requests were not over, with all that was done for them, when following them ended.
        self.unfinished = 0
        #: Whether the timer is set that fires when the oldest request has been followed to the limit.
        self._timed = False
        #: Calls at a replica, working or queued, in order of arrival.
        self.inside: dict[Call, None] = {}
        #: Parts of these calls: steps beside others, and work between calls.
        self.parts: dict[Call, None] = {}
        #: Calls that hang, by the modifier that makes them hang.
        self.hung: dict[Modifier, list[Call]] = {}
        # Bound once: making a bound method for each heap entry would cost more than the entry.
        self._queue = env._queue
        self._eid = env._eid
        self._arrive = self.arrive
        self.when_worked = self.worked
        self._answered = self.answered
        self._again = self.again
        self._lost = self.lost
        self._cancel = self.cancel
        self._stepped = self._step

    @property
    def count(self) -> int:
        """How many rows have not been taken yet."""
        return len(self._rows) // ROW.itemsize

    def take(self) -> bytes:
        """The rows of calls that are over, packed as `ROW`, in the order in which they ended; each is returned once."""
        rows = bytes(self._rows)
        self._rows.clear()
        return rows

    # -- a user comes -------------------------------------------------------------------------------------------------

    def enter(self, site: CallSite, number: int) -> Call:
        """A user's request arrives at its entry service; returns it."""
        now = self.env._now
        ingress = site.ingress
        ready = site.ready
        if ingress.route is not None:
            site, ready = ingress.route.choose(site, number)
        root = Call(site, number, 0, None, None, site.tape.draws(number), now)
        root.open = {root: None}
        self.live[root] = None
        if not self._timed:
            self._time(root)
        if not ready:
            root.arrived = root.finished = now
            root.outcome = NO_REPLICA
            self.close(root)
            return root
        root.replica = ready[0] if len(ready) == 1 else ingress.balancer.choose(ready, root)
        self.arrive(root)
        return root

    # -- the caller's side: sent --------------------------------------------------------------------------------------

    def send(self, parent: Call, site: CallSite, attempt: int, former: Call | None = None) -> None:
        """The caller makes an attempt: past its policies, towards a replica of the callee; `former` came before it."""
        now = self.env._now
        number = parent.number
        path = (parent.attempt_path << ATTEMPT_BITS) | (attempt - 1)
        tape = site.tape if path == 0 else site.tape_of(path)
        index = number - tape.first  # `Tape.draws`, inlined: once a call
        draws = unpack(tape.page, index * DRAWS_BYTES) if 0 <= index < tape.size else tape.draws(number)
        replica = parent.replica
        edge = site.edge
        assert replica is not None and edge is not None
        caller = replica.callers[edge.index]
        call = Call(site, number, path, parent, caller, draws, now)
        call.root = root = parent.root or parent
        call.former = former
        if root.open is not None:
            root.open[call] = None
        caller.in_flight += 1
        for policy in caller.admits:
            verdict = policy.admit(call, now)
            if verdict:
                self._stop(call, verdict)
                return
        self.dispatch(call)

    def _stop(self, call: Call, verdict: int) -> None:
        """One of the caller's policies does not let a call pass: it is held, or refused."""
        if verdict == HELD:
            call.held = True
            call.notes |= WAITED
        else:
            self.refuse(call, verdict)

    def let_go(self, call: Call, policy: CallerPolicy) -> None:
        """A policy releases a call that it held: to the policies after it, then towards a replica."""
        call.held = False
        caller = call.caller
        assert caller is not None
        for following in caller.admits[caller.admits.index(policy) + 1 :]:
            verdict = following.admit(call, self.env._now)
            if verdict:
                self._stop(call, verdict)
                return
        self.dispatch(call)

    def transfer(self, call: Call, state: CallerState, policy: CallerPolicy | None) -> None:
        """A held call goes on under other policies, starting with the one that replaces the policy that held it."""
        before = call.caller
        assert before is not None
        race: Race | None = getattr(call, "race", None)
        if race is not None and before.decider is not state.decider:
            if len(race.running) > 1:
                # The other attempts, already sent, decide by the rules under which they were made.
                self.withdraw(call)
                self.close(call)
                return
            race.running.remove(call)
        before.in_flight -= 1
        state.in_flight += 1
        call.caller = state
        call.held = False
        for following in () if policy not in state.admits else state.admits[state.admits.index(policy) :]:
            verdict = following.admit(call, self.env._now)
            if verdict:
                self._stop(call, verdict)
                return
        self.dispatch(call)

    def refuse(self, call: Call, error: int) -> None:
        """One of the caller's policies refuses a call that has not been sent, with the code of an error."""
        if not 0 < error < len(BY_CODE):
            raise ValueError(f"a policy must say PASS or the code of an error, not {error}")
        call.held = False
        self.conclude(call, error)
        self.close(call)

    def dispatch(self, call: Call) -> None:
        """The call leaves its caller for a replica."""
        site = call.site
        ready: Sequence[Replica] = site.ready
        now = self.env._now
        edge = site.edge
        caller = call.caller
        assert edge is not None and caller is not None
        for policy in caller.narrows:
            ready = policy.narrow(ready, call, now)
        if not ready:
            call.outcome = NO_REPLICA
            # By way of the heap, since the answer may release another call that is held.
            heappush(self._queue, (now, 1, next(self._eid), self._answered, call))
            return
        draws = call.draws
        call.replica = ready[0] if len(ready) == 1 else caller.balancer.choose(ready, call)
        delay = draws[OUT]
        opens = call.connect >= 0.0
        if opens:
            edge.opened += 1
            delay += draws[OUT] + draws[BACK]  # the handshake: one more round trip
        if edge.modifiers:
            for modifier in impairment.between(edge, call):
                effect = modifier.effect(now)
                delay += impairment.delay_out(modifier, effect, call, opens)
                if impairment.is_dropped(modifier, effect, call):
                    heappush(self._queue, (now + edge.spec.connect_timeout, 1, next(self._eid), self._lost, call))
                    return
                if impairment.fails_to_connect(modifier, effect, call):
                    call.outcome = UNCONNECTED
                    heappush(self._queue, (now + delay + draws[BACK], 1, next(self._eid), self._answered, call))
                    return
        heappush(self._queue, (now + delay, 1, next(self._eid), self._arrive, call))

    # -- the callee's side: arrived, begun, worked, finished -----------------------------------------------------------

    def arrive(self, call: Call) -> None:
        """The call reaches a replica: a worker takes it, or it queues, or it is turned away."""
        replica = call.replica
        assert replica is not None
        now = self.env._now
        if not replica.up or (replica.modifiers and impairment.is_refused(call, replica, now)):
            call.outcome = REFUSED
            if call.parent is None:
                call.arrived = call.finished = now
                call.replica = None
                self.close(call)
            else:
                self.reply(call)
            return
        call.arrived = now
        call.handler = replica.incarnation
        for policy in replica.admits:
            verdict = policy.admit(call, replica, now)
            if verdict:
                self._turn_away(call, replica, verdict)
                return
        if replica.free:
            self.inside[call] = None
            replica.calls += 1
            replica.free -= 1
            replica.busy_clock -= now
            self.begin(call, replica)
        elif replica.queue.offer(call, now):
            self.inside[call] = None
            replica.calls += 1
        else:
            self._turn_away(call, replica, OVERLOADED)

    def _turn_away(self, call: Call, replica: Replica, error: int) -> None:
        """The callee answers at once with an error."""
        now = self.env._now
        call.finished = now
        call.outcome = error
        replica.handled += 1
        for policy in replica.finishes:
            policy.finished(call, replica, now)
        if call.parent is None:
            self.close(call)
        else:
            self.reply(call)

    def shed(self, call: Call) -> None:
        """Turn away a request that already waits for a worker."""
        replica = call.replica
        assert replica is not None
        del self.inside[call]
        replica.calls -= 1
        replica.shed += 1
        self._turn_away(call, replica, SHED)

    def begin(self, call: Call, replica: Replica) -> None:
        """A worker takes the call; its own work begins once a core is free."""
        now = self.env._now
        call.started = now
        work = call.draws[WORK]
        if call.connect > 0.0:
            work += call.connect
        if replica.hampered:
            work *= replica.pace
            if replica.modifiers:
                work = self._impaired(call, replica, now, work)
                if work < 0:
                    return
        if replica.loop is not None:
            replica.loop.add(now, work)
        if replica.idle_cores:
            replica.idle_cores -= 1
            replica.core_clock -= now
            call.due = due = now + work
            heappush(self._queue, (due, 1, next(self._eid), self.when_worked, call))
        else:
            self.run(call, replica, work)

    def _impaired(self, call: Call, replica: Replica, now: float, work: float) -> float:
        """The time that the call's work takes under the replica's modifiers; negative if it hangs."""
        code = impairment.failure(call, replica, now)
        if code:
            call.outcome = code
        work = impairment.slowed(call, replica, now, work)
        cause = impairment.hangs(call, replica, now)
        if cause is None:
            return work
        call.work = work
        self.hung.setdefault(cause, []).append(call)
        return -1.0

    def run(self, call: Call, replica: Replica, work: float) -> None:
        """Run `work` seconds of a call's own work, once a core is free, or at once where cores are shared."""
        if replica.cores is not None:
            replica.cores.start(call, work)
        elif replica.idle_cores:
            now = self.env._now
            replica.idle_cores -= 1
            replica.core_clock -= now
            call.due = due = now + work
            heappush(self._queue, (due, 1, next(self._eid), self.when_worked, call))
        else:
            call.work = work
            replica.run_queue.append(call)

    def _run_next(self, replica: Replica) -> None:
        """A core is free: the call that has waited longest gets it."""
        call = replica.run_queue.popleft()
        call.due = due = self.env._now + call.work
        heappush(self._queue, (due, 1, next(self._eid), self.when_worked, call))

    def worked(self, call: Call) -> None:
        """The call's own work is done; the worker is held while its dependencies are called."""
        if call.finished >= 0.0:
            return  # its process was killed meanwhile
        replica = call.replica
        assert replica is not None
        # The run queue is looked at only if no core is idle: one memory access less.
        if not replica.idle_cores and replica.run_queue:
            self._run_next(replica)
        elif replica.cores is None:
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
        """The call sends the next group of calls that it has to make, or finishes if there is none."""
        steps = call.site.steps
        while call.step < len(steps):
            group, always = steps[call.step]
            chosen = group if always else [site for site in group if self._happens(site, call)]
            if chosen:
                # Counted before any is sent: a call that fails at once returns at once.
                call.pending = len(chosen)
                for site in chosen:
                    if always or not site.branch:
                        self.send(call, site, 1)
                    else:
                        self._branch(call, site)
                return
            call.step += 1
        if call.site.apart:
            self._end(call, SUCCESS)
        else:
            self.finish(call, SUCCESS)

    def resume(self, call: Call, failed: bool) -> None:
        """A call that this one made is over. The whole group is waited for, then any failure fails the caller."""
        call.failed |= failed
        call.pending -= 1
        if call.pending:
            return
        if not call.failed:
            call.step += 1
            self.proceed(call)
        elif call.site.apart:
            self._end(call, DEPENDENCY)
        else:
            self.finish(call, DEPENDENCY)

    def _happens(self, site: CallSite, parent: Call) -> bool:
        """Whether a call with a probability, or a part of a group, is made for this request."""
        if site.probability >= 1.0:
            return True
        path = parent.attempt_path << ATTEMPT_BITS
        lot = site.lot
        tape = lot.tape if path == 0 else lot.tape_of(path)
        return tape.draws(parent.number)[CHANCE] < site.probability

    def _branch(self, outer: Call, site: CallSite) -> None:
        """A part of a call's operation begins: it is kept like a call, leaves no row, and needs a core for its work."""
        now = self.env._now
        if site.branch == YIELDS:
            self._give_back(outer)
            return
        path = outer.attempt_path
        part = Call(site, outer.number, path, outer, None, site.tape_of(path).draws(outer.number), now)
        part.root = outer.root or outer
        part.replica = replica = outer.replica
        part.handler = outer.handler
        part.failed = False
        assert replica is not None
        self.parts[part] = None
        if site.branch != WORKS:
            part.step = 0
            # By way of the heap: any number of parts with nothing to do may follow each other.
            heappush(self._queue, (now, 1, next(self._eid), self._stepped, part))
            return
        work = part.draws[WORK]
        for policy in replica.lengthens:
            work = policy.lengthen(part, replica, work)
        if replica.hampered:
            work = impairment.slowed(part, replica, now, work * replica.pace)
        if replica.loop is not None:
            replica.loop.add(now, work)
        self.run(part, replica, work)

    def _step(self, part: Call) -> None:
        """A part of a call's operation begins with its steps, unless the process was killed meanwhile."""
        if part.finished < 0.0:
            self.proceed(part)

    def _give_back(self, call: Call) -> None:
        """A call that waits for others gives its worker back, which takes the next call."""
        replica = call.replica
        assert replica is not None
        self.free_worker(replica)
        self.resume(call, False)

    def free_worker(self, replica: Replica) -> None:
        """A worker is given back: it takes the next call, if one waits."""
        now = self.env._now
        following = replica.queue.take(now) if not replica.free and len(replica.queue) else None  # as `finish` has it
        if following is not None:
            self.begin(following, replica)
        else:
            replica.free += 1
            replica.busy_clock += now

    def _end(self, call: Call, outcome: int) -> None:
        """The steps of a part are over and the operation goes on; or those of a call that gave its worker back are."""
        now = self.env._now
        if call.site.branch:
            call.finished = now
            del self.parts[call]
            outer = call.parent
            assert outer is not None
            if call.site.then is not None:
                self._follow(outer, call.site.then)
            else:
                self.resume(outer, outcome != SUCCESS)
            return
        replica = call.replica
        assert replica is not None
        # It takes a worker for no time, even if none is free: the end gives it back.
        replica.free -= 1
        replica.busy_clock -= now
        self.finish(call, outcome)

    def cancel(self, call: Call) -> None:
        """The callee learns that its caller no longer waits: it drops its work for the call, and its own calls."""
        if call.finished >= 0.0:
            return
        now = self.env._now
        if call.arrived < 0.0:
            if not call.outcome:  # neither refused nor lost: the earlier message is still on its way
                again = now + max(call.draws[OUT], _AGAIN)
                heappush(self._queue, (again, 1, next(self._eid), self._cancel, call))
            return
        replica = call.replica
        assert replica is not None
        if call.started < 0.0:
            replica.queue.discard(call)
            del self.inside[call]
            replica.calls -= 1
            self._turn_away(call, replica, CANCELLED)
            return
        # A part comes after the one that it is a part of.
        own = {call: None}
        for part in self.parts:
            if part.parent in own:
                own[part] = None
        for each in own:
            if each.step < 0:
                self._drop_work(each, replica)
            if each is not call:
                each.finished = now
                del self.parts[each]
        for other in list((call.root or call).open or ()):
            if other.parent in own and other.waiting:
                self.withdraw(other)
        if call.site.apart and call.step > 0:
            self._end(call, CANCELLED)  # it has given its worker back
        else:
            self.finish(call, CANCELLED)

    def _drop_work(self, call: Call, replica: Replica) -> None:
        """A call with a worker stops its own work: its core, if it has one, goes to the next."""
        for hung in self.hung.values():
            if call in hung:
                hung.remove(call)
                return
        now = self.env._now
        left = call.due - now  # of work that has a core of its own
        if replica.cores is not None:
            left = replica.cores.stop(call)
        elif call in replica.run_queue:
            left = call.work
            replica.run_queue.remove(call)
        elif replica.run_queue:
            self._run_next(replica)
        else:
            replica.idle_cores += 1
            replica.core_clock += now
        if replica.loop is not None:
            replica.loop.drop(now, left)

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
            self.close(call)
        else:
            edge = call.site.edge
            assert edge is not None
            if edge.modifiers:
                self.reply(call)
            else:
                heappush(self._queue, (now + call.draws[BACK], 1, next(self._eid), self._answered, call))
        for policy in replica.finishes:
            policy.finished(call, replica, now)
        following = replica.queue.take(now) if not replica.free and len(replica.queue) else None
        if following is not None:
            self.begin(following, replica)
        else:
            replica.free += 1
            replica.busy_clock += now

    def reply(self, call: Call) -> None:
        """The answer leaves, on a network that modifiers may act on."""
        edge = call.site.edge
        assert edge is not None
        now = self.env._now
        time = call.draws[BACK]
        if edge.modifiers:
            for modifier in impairment.between(edge, call):
                effect = modifier.effect(now)
                if impairment.is_muted(modifier, effect, call):
                    call.notes |= SWALLOWED
                    heappush(self._queue, (now + edge.spec.connect_timeout, 1, next(self._eid), self._lost, call))
                    return
                time += impairment.delay_back(modifier, effect, call)
        heappush(self._queue, (now + time, 1, next(self._eid), self._answered, call))

    # -- the caller's side again: answered, timed out, lost, retried ---------------------------------------------------

    def answered(self, call: Call) -> None:
        """The answer reaches the caller, which may have stopped waiting long ago."""
        caller = call.caller
        assert caller is not None
        for policy in caller.returns:
            policy.returned(call, self.env._now)
        if call.waiting:
            self.conclude(call, call.outcome)
        self.close(call)

    def timed_out(self, call: Call) -> None:
        """The caller gives up. The callee does not know, unless callers of this edge send cancellations."""
        caller = call.caller
        assert caller is not None
        held = call.held
        for policy in caller.cancels:
            policy.cancel(call, self.env._now)
        self.conclude(call, TIMEOUT)
        if held:
            self.close(call)  # it never left
        else:
            self._tell(call)

    def withdraw(self, call: Call) -> None:
        """The caller no longer needs the answer: another attempt gave one, or nobody waits for the caller's own."""
        now = self.env._now
        caller = call.caller
        assert caller is not None
        held = call.held
        for policy in caller.cancels:
            policy.cancel(call, now)
        call.waiting = call.held = False
        call.ended = now
        call.result = CANCELLED
        caller.in_flight -= 1
        for policy in caller.withdraws:
            policy.withdrawn(call, now)
        if held:
            self.close(call)
        else:
            self._tell(call)

    def _tell(self, call: Call) -> None:
        """Tell the callee that nobody waits for its answer, if callers of this edge do so."""
        edge = call.site.edge
        assert edge is not None
        if not edge.spec.cancellation or call.replica is None:
            return
        now = self.env._now
        delay = call.draws[OUT]
        for modifier in impairment.between(edge, call) if edge.modifiers else ():
            effect = modifier.effect(now)
            delay += impairment.delay_out(modifier, effect, call, False)
            if impairment.is_dropped(modifier, effect, call):
                return
        heappush(self._queue, (now + delay, 1, next(self._eid), self._cancel, call))

    def lost(self, call: Call) -> None:
        """The network swallowed the call, or its answer, and the caller's kernel gives up on the connection."""
        if call.arrived < 0.0:
            call.outcome = RESET  # if there was a connection, it's gone
        caller = call.caller
        assert caller is not None
        for policy in caller.returns:
            policy.returned(call, self.env._now)
        if call.waiting:
            self.conclude(call, LOST)
        self.close(call)

    def conclude(self, call: Call, result: int) -> None:
        """The caller stops waiting, with this result: it tries again, goes on, or fails in turn."""
        now = self.env._now
        call.waiting = False
        call.result = result
        caller = call.caller
        parent = call.parent
        assert caller is not None and parent is not None
        caller.in_flight -= 1
        if parent.finished >= 0.0:
            # The caller was killed while it waited, or cancelled when its request was no longer followed.
            call.ended = parent.finished
            call.result = CANCELLED
            for policy in caller.withdraws:
                policy.withdrawn(call, now)
            return
        call.ended = now
        for policy in caller.settles:
            policy.settle(call, now)
        if result and caller.retry is not None and call.attempt_path & ATTEMPT < ATTEMPT:
            pause = caller.retry.pause(call, now)
            call.next_at = now + pause
            if pause >= 0.0 and self.may_follow(call):
                call.notes |= RETRIED
                heappush(self._queue, (call.next_at, 1, next(self._eid), self._again, call))
                return
        if caller.decider is not None and not caller.decider.decides(call, now):
            return
        site = call.site
        hit_rate = site.hit_rate
        if result:
            call.notes |= DECIDED
            following = site.otherwise
        elif hit_rate is None:
            call.notes |= DECIDED
            following = site.then
        else:
            # A lookup: a hit skips what follows a miss.
            edge, replica = site.edge, call.replica
            assert edge is not None and replica is not None
            if edge.modifiers or replica.modifiers or replica.emptied >= 0.0:
                hit_rate = impairment.hit_rate(call, hit_rate, now)
            if call.draws[LOOKUP] < hit_rate:
                call.notes |= DECIDED | HIT
                self.resume(parent, False)
                return
            call.notes |= DECIDED | MISS
            following = site.then
        if following is not None:
            self._follow(parent, following)
        else:
            self.resume(parent, result != SUCCESS and not site.optional)

    def _follow(self, parent: Call, site: CallSite) -> None:
        """Begin what follows a call before the caller goes on with its steps: another call, or own work."""
        if site.branch:
            self._branch(parent, site)
        else:
            self.send(parent, site, 1)

    def may_follow(self, call: Call) -> bool:
        """Whether another attempt may follow this one, at `call.next_at`; if so, all policies count it as made."""
        now = self.env._now
        caller = call.caller
        assert caller is not None
        if not all(limit.allows_retry(call, now) for limit in caller.limits):
            return False
        for policy in caller.retried:
            policy.retried(call, now)
        return True

    def again(self, call: Call) -> None:
        """The pause is over: make the next attempt, unless the caller was killed meanwhile."""
        parent = call.parent
        assert parent is not None
        if parent.finished < 0.0:
            self.send(parent, call.site, call.attempt + 1, call)

    # -- over --------------------------------------------------------------------------------------------------------

    def close(self, call: Call) -> None:
        """Nothing more happens to this call: write its row, if its request is still followed."""
        parent = call.parent
        root = call.root or call
        unwritten = root.open
        if unwritten is not None:
            self._rows += pack_row(
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
            del unwritten[call]
            if not unwritten:
                del self.live[root]
        if parent is None and (over := call.site.ingress.on_over) is not None:
            # By way of the heap, so that the callback finds this request's worker free.
            heappush(self._queue, (self.env._now, 1, next(self._eid), over, call))

    # -- or never over -----------------------------------------------------------------------------------------------

    def _time(self, oldest: Call) -> None:
        """Set the timer for the oldest request. All are followed for the same time, so one timer serves all of them."""
        self._timed = True
        heappush(self._queue, (oldest.sent + FOLLOWED, 1, next(self._eid), self._overdue, oldest))

    def _overdue(self, _: Call) -> None:
        """The timer fires: stop following requests that came that long ago."""
        now = self.env._now
        self._timed = False
        overdue = []
        for root in self.live:
            if root.sent + FOLLOWED > now:
                self._time(root)
                break
            overdue.append(root)
        for root in overdue:
            self._unfollow(root)

    def _unfollow(self, root: Call) -> None:
        """Write rows for the open calls of a request. In the mesh it goes on and keeps its workers, but leaves no rows.

        So a request that never ends holds back neither the records of all later requests nor the end of the run.
        """
        now = self.env._now
        del self.live[root]
        self.unfinished += 1
        for call in root.open or ():
            finished, ended, outcome, result = call.finished, call.ended, call.outcome, call.result
            parent = call.parent
            if call.arrived >= 0.0 and finished < 0.0:
                finished, outcome = now, UNFINISHED
            if parent is not None and call.waiting:
                killed = parent.finished >= 0.0
                ended, result = (parent.finished, CANCELLED) if killed else (now, UNFINISHED)
            self._rows += pack_row(
                call.sent,
                call.arrived,
                call.started,
                finished,
                ended,
                call.number,
                call.attempt_path,
                call.site.index,
                call.handler,
                -1 if parent is None else parent.handler,
                outcome,
                result,
                call.notes,
            )
        root.open = None
