"""One replica at run time: workers, a queue, cores, and what is known of them."""

from __future__ import annotations

from collections import deque
from math import exp, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.deployment import Deployment
    from meshquake.sim.engine.modifier import Modifier
    from meshquake.sim.engine.policy import RequestQueue, ServerPolicy
    from meshquake.sim.engine.shared_cores import SharedCores


#: Points in time at which what takes CPU besides is looked at, between two times of accounting.
_STEPS = 16


class Replica:
    """Free workers are a number, waiting calls a deque; a core is had the same way.

    `busy_clock` and `core_clock` make exact time averages at the cost of one addition a change: a start subtracts
    the time, an end adds it, so that the busy time up to t is `clock + busy * t`.
    """

    __slots__ = (
        "_accounted",
        "_ambient_clock",
        "_garbage",
        "_lost",
        "_others",
        "_warms",
        "admits",
        "ambient",
        "ambient_workers",
        "born",
        "busy_clock",
        "callers",
        "calls",
        "core_clock",
        "cores",
        "crashes",
        "created",
        "deployment",
        "draining",
        "emptied",
        "failures",
        "finishes",
        "free",
        "hampered",
        "handled",
        "hogged",
        "idle_cores",
        "incarnation",
        "index",
        "leaked",
        "leaving",
        "lengthens",
        "littered",
        "lived",
        "mark",
        "modifiers",
        "name",
        "number",
        "pace",
        "paused",
        "queue",
        "ready",
        "restarts",
        "revision",
        "run_queue",
        "service",
        "shed",
        "since",
        "started",
        "stops",
        "successes",
        "taken_out",
        "throttled_before",
        "up",
        "version",
    )

    def __init__(self, deployment: Deployment, index: int, number: int) -> None:
        self.deployment = deployment
        self.service = service = deployment.service
        spec = service.spec
        self.index = index
        #: Position among all replicas of the mesh.
        self.number = number
        self.name = f"{spec.name}-{index}"
        self.version = deployment.revision.version
        self.revision = deployment.revision
        #: Position in the mesh's table of (replica, version): one life of the process.
        self.incarnation = -1
        #: Who waits for a worker.
        self.queue: RequestQueue
        #: What the process knows of those that it calls, by the edge's index.
        self.callers: list[CallerState] = []
        #: What it does about requests that arrive, by hook.
        self.admits: tuple[ServerPolicy, ...] = ()
        self.lengthens: tuple[ServerPolicy, ...] = ()
        self.finishes: tuple[ServerPolicy, ...] = ()
        self.up = True
        #: Whether its startup probe has found the process; True without one.
        self.started = True
        self.ready = True
        #: When it was created; those that a mesh starts with have been there for ever.
        self.created = -inf
        #: Since when it is ready, or not.
        self.since = 0.0
        self.draining = False
        #: Whether it has been deleted: once its calls are finished it is gone for good.
        self.leaving = False
        #: Faults that hold the process down.
        self.stops = 0
        #: Operators who have taken it out of rotation.
        self.taken_out = 0
        self.failures = 0
        self.successes = 0
        #: When its process began (long ago, for those of the start), infinite while there is none; how long the last
        #: one lived, and how many in a row ended unasked.
        self.born = -inf
        self.lived = inf
        self.crashes = 0
        #: How often its process was started again.
        self.restarts = 0
        self.free = spec.workers
        #: Whole cores that nothing runs on; none while the cores are shared.
        self.idle_cores = spec.whole_cores
        #: The cores while they are shared; None while each runs one piece of work to its end.
        self.cores: SharedCores | None = None
        #: Calls here, working or queued.
        self.calls = 0
        #: Calls that have a worker and wait for a whole core.
        self.run_queue: deque[Call] = deque()
        self.busy_clock = 0.0
        self.core_clock = 0.0
        #: Seconds for which earlier shared cores stood still for want of quota; None if there never was a quota.
        self.throttled_before: float | None = None
        self.handled = 0
        #: Requests that waited in its queue and were turned away after all.
        self.shed = 0
        self.leaked = 0.0
        #: Bytes of garbage: what each request leaves, how much there is when it's collected, and what the process had
        #: when the recording began.
        self._garbage = spec.garbage
        self.mark = spec.memory.collect_at * spec.memory.limit
        self.littered = 0.0
        #: When some of its contents were lost that lookups would find, negative if none were or it doesn't matter; the
        #: share of them, and the time (seconds) in which 63% of that comes back.
        self.emptied = -1.0
        self._lost = self._warms = 1.0
        #: Core-seconds taken so far by something else than requests, up to the last `account`.
        self.hogged = 0.0
        #: Seconds of these in which all work stood still for a collector.
        self.paused = 0.0
        #: When that was, and the core-seconds that requests had taken by then.
        self._accounted = (0.0, 0.0)
        #: What acts here, in the order in which it began.
        self.modifiers: tuple[Modifier, ...] = ()
        #: What else the service does than the requests that are played: the share that it takes of each core, by what
        #: takes it and in all; how many times as long the work of requests takes for that; the workers that it holds,
        #: and a clock of these like `busy_clock`.
        self._others: dict[str, float] = {}
        self.ambient = 0.0
        self.pace = 1.0
        self.ambient_workers = 0
        #: Whether anything makes work here take another time than was drawn.
        self.hampered = False
        self._ambient_clock = 0.0

    @property
    def serves(self) -> bool:
        """Whether it gets calls."""
        return self.ready and not self.revision.held and not self.taken_out

    def busy_time(self, now: float) -> float:
        """Worker-seconds spent so far, on requests and on what else the service does."""
        return self.busy_clock + (self.service.spec.workers - self.free) * now

    def ambient_time(self, now: float) -> float:
        """Worker-seconds spent so far on what else the service does."""
        return self._ambient_clock + self.ambient_workers * now

    def core_time(self, now: float) -> float:
        """Core-seconds spent so far on requests."""
        if self.cores is not None:
            return self.core_clock + self.cores.spent(now)
        return self.core_clock + (self.service.spec.whole_cores - self.idle_cores) * now

    def throttled_time(self, now: float) -> float | None:
        """Seconds so far in which work stood still for want of quota; None if there never was a quota."""
        if self.cores is None or self.throttled_before is None:
            return self.throttled_before
        return self.throttled_before + self.cores.throttled(now)

    def core_seconds(self, now: float) -> float:
        """Core-seconds taken so far, by requests and by whatever else runs on the cores."""
        if self.modifiers or self.ambient:
            self.account(now)
        return self.core_time(now) + self.hogged

    def account(self, now: float) -> None:
        """Add up what something else has taken of the cores since the last time: its share of what requests left over.

        To be called before what acts here changes, so that it's exact for what is steady; what rises is averaged, as if
        requests used the cores evenly meanwhile.
        """
        since, used = self._accounted
        spent = self.core_time(now)
        self._accounted = (now, spent)
        if (self.modifiers or self.ambient) and self.up and now > since:
            idle = self.service.spec.cores * (now - since) - (spent - used)
            self.hogged += max(0.0, idle) * self._taken(since, now)

    def _taken(self, since: float, now: float) -> float:
        """The share of each core that something else took since some time, on average."""
        if not self.modifiers:
            return self.ambient
        step = (now - since) / _STEPS
        steps = [since + (i + 0.5) * step for i in range(_STEPS)]
        self.paused += step * sum(self._stands(moment) for moment in steps)
        return sum(self._hog(moment) for moment in steps) / _STEPS

    def _stands(self, now: float) -> bool:
        """Whether all its work stands still."""
        return any(modifier.curbs and modifier.effect(now).pause for modifier in self.modifiers)

    def _hog(self, now: float) -> float:
        """The share of each core that something else takes."""
        left = 1.0 - self.ambient
        for modifier in self.modifiers:
            effect = modifier.effect(now)
            if effect.pause:
                return 1.0  # a collector takes what it stops
            left *= 1.0 - effect.hog
        return 1.0 - left

    def change(self, modifiers: tuple[Modifier, ...], now: float) -> None:
        """From now on, these act here."""
        self.account(now)
        self.modifiers = modifiers
        self.hampered = bool(modifiers) or self.ambient > 0.0

    def besides(self, what: str, share: float, now: float) -> None:
        """From now on, something else that the service does takes so much of each core: work begun takes longer."""
        self.account(now)
        if share:
            self._others[what] = share
        else:
            self._others.pop(what, None)
        self.pace = 1.0
        for each in self._others.values():
            self.pace /= 1.0 - each
        self.ambient = 1.0 - 1.0 / self.pace
        self.hampered = bool(self.modifiers) or self.ambient > 0.0

    def lend(self, workers: int, now: float) -> None:
        """Let what else the service does hold so many of the free workers."""
        self.free -= workers
        self.busy_clock -= workers * now
        self.ambient_workers += workers
        self._ambient_clock -= workers * now

    def take_back(self, now: float) -> None:
        """What else the service does holds a worker no longer, which goes to whoever is next."""
        self.ambient_workers -= 1
        self._ambient_clock += now

    def lose(self, share: float, warms: float, now: float) -> None:
        """A share is lost of the contents that a cache has, and 63% of what is gone comes back in so many seconds."""
        there = self.warmth(now) if self.emptied >= 0.0 else 1.0
        self._lost = 1.0 - there * (1.0 - share)
        self._warms = warms
        self.emptied = now

    def warmth(self, now: float) -> float:
        """The share of its hits that a cache has by now of those that it had before it lost contents."""
        return 1.0 - self._lost * exp((self.emptied - now) / self._warms)

    @property
    def active(self) -> int:
        """Requests that hold a worker."""
        return self.service.spec.workers - self.free - self.ambient_workers

    def memory(self) -> float:
        """Bytes in use: a base, a working set for each request here, garbage since it was last collected, leaks."""
        if not self.up:
            return 0.0
        spec = self.service.spec.memory
        used = spec.base * spec.limit + self.calls * spec.per_request + self.garbage % self.mark + self.leaked
        return min(spec.limit, used)

    @property
    def garbage(self) -> float:
        """Bytes of garbage that its process has left so far: it's collected whenever it reaches its mark, the same way.

        So what isn't collected yet is a remainder, and how often that happened is a quotient.
        """
        return self.handled * self._garbage + self.littered

    def heap(self) -> float:
        """Bytes of it on the heap: half of what it has when idle is none, but code, stacks, buffers of the system."""
        spec = self.service.spec.memory
        return max(0.0, self.memory() - self.up * spec.base * spec.limit / 2)

    def backlog(self, now: float) -> float:
        """Seconds that work which comes now would wait, if all that is there were done first."""
        if self.cores is not None:
            return self.cores.backlog(now)
        waiting = sum(call.work for call in self.run_queue)
        return waiting / self.service.spec.whole_cores

    def collections(self) -> int:
        """How often the process has collected its garbage."""
        return int(self.garbage // self.mark)

    def collects_at(self) -> float:
        """How many requests its process has answered when it collects its garbage the next time; infinite if never."""
        return ((self.collections() + 1) * self.mark - self.littered) / self._garbage if self._garbage else inf

    def clear(self, now: float) -> None:
        """Forget all work in progress: the process is gone."""
        self._ambient_clock = self.ambient_time(now)
        self.ambient_workers = 0
        for what in list(self._others):
            self.besides(what, 0.0, now)
        self.busy_clock = self.busy_time(now)
        self.free = self.service.spec.workers
        if self.cores is not None:
            self.cores.clear()
        else:
            self.core_clock = self.core_time(now)
            self.idle_cores = self.service.spec.whole_cores
        self.calls = 0
        self.queue.clear()
        self.run_queue.clear()
        self.leaked = 0.0
        self.littered = 0.0
        self.handled = 0
