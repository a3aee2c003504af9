"""Cores that all work in progress shares equally, and that may be limited by a quota.

This module has two ways in which a real machine runs a process; the third, whole cores that each run one piece of work
to its end, is so short that the life of a call handles it itself (`sim.engine.engine`).

*Fair*: n pieces of work on m cores each run at the speed min(1, m / n), as under a kernel's fair scheduler, whose
slices are short compared with the work: processor sharing. Under it, the mean sojourn of an M/G/1 queue is that of
M/M/1, whatever the distribution of the work (Kleinrock, Queueing Systems II, 4.4).

*Quota*: besides, they may use only so many core-seconds in each period. Once these are used up, work stands still until
the next period begins: CFS bandwidth control (Turner, Rao and Rao, "CPU bandwidth control for CFS", 2010; Linux,
Documentation/scheduler/sched-bwc.rst), which is what a CPU limit of Kubernetes sets. Unused quota is lost (no burst).
The kernel hands quota to each core in slices of 5 ms; here the remaining quota is one number.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from math import floor, inf
from typing import TYPE_CHECKING

from meshquake.topology.addresses import address, uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica


#: Core-seconds by which sums of floats may be off: nobody should wait a period for so little.
_ROUNDING = 1e-12


class SharedCores:
    """The cores of one replica, for as long as they are shared. `done(call)` is called when work is finished."""

    __slots__ = (
        "_at",
        "_attained",
        "_done",
        "_env",
        "_finishes",
        "_generation",
        "_left",
        "_number",
        "_phase",
        "_replica",
        "_ring",
        "_spent",
        "_stands",
        "_throttled",
        "_until",
        "_width",
        "_work",
    )

    def __init__(self, replica: Replica, env: Environment, seed: int, done: Callable[[Call], None]) -> None:
        spec = replica.service.spec
        self._replica = replica
        self._env = env
        self._done = done
        #: Available cores; a quota may allow fewer on average.
        self._width = float(spec.machine)
        #: Work in progress: (what `_attained` is when it's done, running number, call).
        self._work: list[tuple[float, int, Call]] = []
        self._number = count()
        #: Core-seconds that a piece of work present since the cores were last idle has had by `_at`.
        self._attained = 0.0
        self._at = env._now
        #: Core-seconds used by then, and seconds in which the quota throttled all work.
        self._spent = self._throttled = 0.0
        #: Core-seconds left of this period's quota, and when the period ends; infinite without a quota.
        self._left = self._until = inf
        #: Periods of different replicas are not in step.
        self._phase = uniform(address(seed, "cpu period", replica.name), 0) * spec.cpu.period
        #: Whether all work is paused, and whether the current timer marks the end of a piece of work.
        self._stands = self._finishes = False
        #: Timers that were set; only the latest counts.
        self._generation = 0
        self._ring = self._on_ring
        self.changed()

    # -- work comes and goes -----------------------------------------------------------------------------------------

    def start(self, call: Call, work: float) -> None:
        """Run a call's work (core-seconds) from now on."""
        self._advance()
        heappush(self._work, (self._attained + work, next(self._number), call))
        self._arm()

    def stop(self, call: Call) -> float:
        """Stop the work of one call; returns the core-seconds that it still needed."""
        self._advance()
        left = sum(max(0.0, end - self._attained) for end, _, other in self._work if other is call)
        self._work = [each for each in self._work if each[2] is not call]
        heapify(self._work)
        self._arm()
        return left

    def clear(self) -> list[tuple[Call, float]]:
        """Stop all work; returns the calls with the core-seconds that each still needs, in the order they came."""
        self._advance()
        attained = self._attained
        work = [(call, max(0.0, end - attained)) for end, _, call in sorted(self._work, key=lambda each: each[1])]
        self._work.clear()
        self._arm()
        return work

    def changed(self) -> None:
        """Apply a change of the replica's modifiers: whether work is paused, and what the quota is."""
        self._advance()
        now = self._env._now
        self._stands = any(modifier.effect(now).pause for modifier in self._replica.modifiers)
        if self._replica.loop is not None:
            self._replica.loop.stand(now, self._stands)
        quota = self._quota(now)
        if quota == inf:
            self._left = self._until = inf
        elif self._until == inf:
            self._left, self._until = quota, self._end_of_period(now)
        else:
            self._left = min(self._left, quota)
        self._arm()

    # -- what can be read; measuring changes nothing ------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._work)

    def spent(self, now: float) -> float:
        """Core-seconds used so far."""
        return self._spent + self._used(now)

    def throttled(self, now: float) -> float:
        """Seconds so far in which there was work but no quota left."""
        if not self._work or self._stands or self._until == inf:
            return self._throttled
        worked = self._used(now) / min(float(len(self._work)), self._width)
        return self._throttled + max(0.0, min(now, self._until) - self._at - worked)

    # -- time passes --------------------------------------------------------------------------------------------------

    def _used(self, now: float) -> float:
        """Core-seconds used since `_at`, by a time up to the next timer."""
        if not self._work or self._stands:
            return 0.0
        speed = min(float(len(self._work)), self._width)
        return min(speed * (min(now, self._until) - self._at), self._left)

    def _advance(self) -> None:
        """Bring everything up to now."""
        now = self._env._now
        if self._work:
            used = self._used(now)
            throttled, self._throttled = self._throttled, self.throttled(now)
            if self._throttled > throttled and self._replica.loop is not None:
                end = min(now, self._until)
                self._replica.loop.stood(end - (self._throttled - throttled), end)
            self._spent += used
            self._attained += used / len(self._work)
            self._left -= used
        else:
            self._attained = 0.0
        self._at = now
        if now >= self._until:
            # While work runs, the timer fires at the end of each period; periods in between used nothing.
            self._until = self._end_of_period(now)
            self._left = self._quota(now)

    def _arm(self) -> None:
        """Set the timer to when the next piece of work is done, or the quota comes back."""
        self._generation += 1
        if not self._work or self._stands:
            return
        running = len(self._work)
        need = max(0.0, self._work[0][0] - self._attained) * running
        done = self._at + need / min(float(running), self._width)
        self._finishes = need <= self._left + _ROUNDING and done <= self._until
        self._env.call_at(done if self._finishes else self._until, self._ring, self._generation)

    def _on_ring(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._advance()
        work = self._work
        if not self._finishes:
            self._arm()
            return
        # The work that the timer was set for is done, whatever sums of floats say.
        self._attained = max(self._attained, work[0][0])
        calls = []
        while work and work[0][0] <= self._attained:
            calls.append(heappop(work)[2])
        self._arm()
        for call in calls:
            self._done(call)

    def _end_of_period(self, now: float) -> float:
        """When the period that contains `now` ends."""
        period = self._replica.service.spec.cpu.period
        end: float = self._phase + (floor((now - self._phase) / period) + 1) * period
        return end if end > now else end + period

    def _quota(self, now: float) -> float:
        """Core-seconds for the period that begins now; infinite if there's no limit."""
        spec = self._replica.service.spec
        share, limited = 1.0, spec.scheduled == "quota"
        for modifier in self._replica.modifiers:
            if modifier.curbs:
                share *= modifier.effect(now).quota
                limited |= modifier.throttles
        return spec.cores * spec.cpu.period * share if limited else inf
