"""Cores that all work in progress shares equally, and that may be limited by a quota.

Two ways in which a real machine runs a process are told here; the third, whole cores that each run one piece of work to
its end, is so short that the life of a call does it by itself (`sim.engine.engine`).

*Fair*: n pieces of work on m cores each run at the speed min(1, m / n), as under the fair scheduler of a kernel, whose
slices are short beside the work: processor sharing. Of an M/G/1 queue under it the mean sojourn is that of M/M/1,
whatever the shape of the work (Kleinrock, Queueing Systems II, 4.4).

*Quota*: besides, they may use only so many core-seconds in each period. What has used them up stands still until the
next period begins: CFS bandwidth control (Turner, Rao and Rao, "CPU bandwidth control for CFS", 2010; Linux,
Documentation/scheduler/sched-bwc.rst), which is what a CPU limit of Kubernetes sets. Quota that was left over is lost
(no burst). The kernel hands it to each core in slices of 5 ms; here what is left is one number.
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


#: Core-seconds by which sums of floats may miss: nobody waits for a period for want of so little.
_ROUNDING = 1e-12


class _Progress:
    """How far things are at a time.

    Parameters
    ----------
    attained
        Core-seconds that a piece of work has had which was there since the cores were last idle.
    spent, throttled
        Core-seconds used so far; seconds in which work stood still for want of quota.
    left, until
        Core-seconds left of this period's quota, and when the period ends; infinite without a quota.
    """

    __slots__ = ("attained", "left", "spent", "throttled", "until")

    def __init__(self, attained: float, spent: float, throttled: float, left: float, until: float) -> None:
        self.attained = attained
        self.spent = spent
        self.throttled = throttled
        self.left = left
        self.until = until


class SharedCores:
    """The cores of one replica, for as long as they are shared. `done(call)` hears of work that is finished."""

    __slots__ = (
        "_at",
        "_done",
        "_env",
        "_finishes",
        "_generation",
        "_number",
        "_phase",
        "_progress",
        "_replica",
        "_ring",
        "_stands",
        "_width",
        "_work",
    )

    def __init__(self, replica: Replica, env: Environment, done: Callable[[Call], None]) -> None:
        spec = replica.service.spec
        self._replica = replica
        self._env = env
        self._done = done
        #: Cores at hand; a quota may allow less of them on average.
        self._width = spec.machine
        #: Work in progress: (what `attained` is when it's done, running number, call).
        self._work: list[tuple[float, int, Call]] = []
        self._number = count()
        #: Periods of different replicas are not in step.
        self._phase = uniform(address(0, "cpu period", replica.name), 0) * spec.cpu.period
        #: When `_progress` was, whether work stands still, and whether the timer that is set finds work done.
        self._at = env._now
        self._progress = _Progress(0.0, 0.0, 0.0, inf, inf)
        self._stands = False
        self._finishes = False
        #: Timers that were set; only the latest counts.
        self._generation = 0
        self._ring = self._on_ring
        self.changed()

    # -- work comes and goes -----------------------------------------------------------------------------------------

    def start(self, call: Call, work: float) -> None:
        """Run a call's work (core-seconds) from now on."""
        self._advance()
        heappush(self._work, (self._progress.attained + work, next(self._number), call))
        self._arm()

    def stop(self, call: Call) -> None:
        """Stop the work of one call."""
        self._advance()
        self._work = [each for each in self._work if each[2] is not call]
        heapify(self._work)
        self._arm()

    def clear(self) -> list[tuple[Call, float]]:
        """Stop all work; returns the calls with the core-seconds that each still needs, in the order they came."""
        self._advance()
        attained = self._progress.attained
        work = [(call, max(0.0, end - attained)) for end, _, call in sorted(self._work, key=lambda each: each[1])]
        self._work.clear()
        self._arm()
        return work

    def drop(self, call: Call) -> None:
        """Stop the work of one call, whose caller has cancelled it."""
        self._advance()
        self._work = [each for each in self._work if each[2] is not call]
        heapify(self._work)
        self._arm()

    def changed(self) -> None:
        """What acts on the replica has changed: whether work stands still, and what the quota is."""
        self._advance()
        now, progress = self._env._now, self._progress
        self._stands = any(modifier.effect(now).pause for modifier in self._replica.modifiers)
        quota = self._quota(now)
        if quota == inf:
            progress.left = progress.until = inf
        elif progress.until == inf:
            progress.left, progress.until = quota, self._end_of_period(now)
        else:
            progress.left = min(progress.left, quota)
        self._arm()

    # -- what can be read --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._work)

    def spent(self, now: float) -> float:
        """Core-seconds used so far."""
        return self._ahead(now).spent

    def throttled(self, now: float) -> float:
        """Seconds so far in which there was work, and no quota."""
        return self._ahead(now).throttled

    # -- time passes -------------------------------------------------------------------------------------------------

    def _ahead(self, now: float) -> _Progress:
        """The progress at a time up to the next timer. It changes nothing, so that measuring doesn't."""
        last = self._progress
        ahead = _Progress(last.attained, last.spent, last.throttled, last.left, last.until)
        running = len(self._work)
        if not running:
            ahead.attained = 0.0
        speed = min(float(running), self._width)  # core-seconds a second
        time = self._at
        end = min(now, last.until)
        if running and not self._stands and end > time:
            used = min(speed * (end - time), last.left)
            ahead.attained += used / running
            ahead.spent += used
            ahead.left -= used
            ahead.throttled += max(0.0, end - time - used / speed)
        if now >= last.until:
            # Where work runs the timer rings at the end of each period; of others in between nothing was used.
            ahead.until = self._end_of_period(now)
            ahead.left = self._quota(now)
        return ahead

    def _advance(self) -> None:
        self._progress = self._ahead(self._env._now)
        self._at = self._env._now

    def _arm(self) -> None:
        """Set the timer to when the next piece of work is done, or the quota comes back."""
        self._generation += 1
        if not self._work or self._stands:
            return
        now, progress = self._env._now, self._progress
        running = len(self._work)
        need = max(0.0, self._work[0][0] - progress.attained) * running
        done = now + need / min(float(running), self._width)
        self._finishes = need <= progress.left + _ROUNDING and done <= progress.until
        self._env.call_at(done if self._finishes else progress.until, self._ring, self._generation)

    def _on_ring(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._advance()
        work, progress = self._work, self._progress
        calls = []
        if self._finishes:
            # What the timer was set for is done, whatever sums of floats say.
            progress.attained = max(progress.attained, work[0][0])
            while work and work[0][0] <= progress.attained:
                calls.append(heappop(work)[2])
        self._arm()
        for call in calls:
            self._done(call)

    def _end_of_period(self, now: float) -> float:
        """When the period ends that holds `now`."""
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
