"""One replica at run time: workers, a queue, cores, and what is known of them."""

from __future__ import annotations

from collections import deque
from math import exp, inf
from typing import TYPE_CHECKING

from meshquake.sim.engine.event_loop import EventLoop
from meshquake.topology.residual import residual
from meshquake.topology.runtimes import loops

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.deployment import Deployment
    from meshquake.sim.engine.modifier import Modifier
    from meshquake.sim.engine.policy import RequestQueue, ServerPolicy
    from meshquake.sim.engine.shared_cores import SharedCores


#: Points at which other CPU use is sampled between two times of accounting.
_STEPS = 16


class Replica:
    """A replica: free workers are a number and waiting calls a deque; idle cores work the same way.

    `busy_clock` and `core_clock` give exact time averages at the cost of one addition per change: a start subtracts
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
        "killed",
        "leaked",
        "leaving",
        "lengthens",
        "littered",
        "lived",
        "loop",
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
        #: Position in the mesh's table of (replica, version): one lifetime of the process.
        self.incarnation = -1
        #: The calls that wait for a worker.
        self.queue: RequestQueue
        #: What the process knows of its callees, by the edge's index.
        self.callers: list[CallerState] = []
        #: Its policies for arriving requests, by hook.
        self.admits: tuple[ServerPolicy, ...] = ()
        self.lengthens: tuple[ServerPolicy, ...] = ()
        self.finishes: tuple[ServerPolicy, ...] = ()
        self.up = True
        #: Whether its startup probe has found the process; True without one.
        self.started = True
        self.ready = True
        #: When it was created; the replicas that a mesh starts with have always been there.
        self.created = -inf
        #: Since when it has been ready, or not ready.
        self.since = 0.0
        self.draining = False
        #: Whether it has been deleted: once its calls are finished it is gone for good.
        self.leaving = False
        #: How many faults hold the process down.
        self.stops = 0
        #: How many operators' actions have taken it out of rotation.
        self.taken_out = 0
        self.failures = 0
        self.successes = 0
        #: When its process began (before 0, for initial replicas), infinite while there is none; how long the last
        #: process lived, whether it was killed, and how many in a row ended unasked.
        self.killed = False
        self.born = -inf
        self.lived = inf
        self.crashes = 0
        #: How often its process was restarted.
        self.restarts = 0
        self.free = spec.workers
        #: Whole cores that nothing runs on; none while the cores are shared.
        self.idle_cores = spec.whole_cores
        #: The cores while they are shared; None while each runs one piece of work to its end.
        self.cores: SharedCores | None = None
        #: The event loop that runs all work, if it has one: it measures, and decides nothing.
        self.loop: EventLoop | None = None
        if loops(spec.stack):
            self.loop = EventLoop(spec.whole_cores if spec.scheduled == "fifo" else 1, residual(spec.operations))
        #: Calls here, working or queued.
        self.calls = 0
        #: Calls that have a worker and wait for a whole core.
        self.run_queue: deque[Call] = deque()
        self.busy_clock = 0.0
        self.core_clock = 0.0
        #: Seconds for which earlier shared cores were throttled by the quota; None if there never was a quota.
        self.throttled_before: float | None = None
        self.handled = 0
        #: Requests that were turned away after waiting in its queue.
        self.shed = 0
        self.leaked = 0.0
        #: Bytes of garbage: per request, at which a collection is due, and in the process when the recording began.
        self._garbage = spec.garbage
        self.mark = spec.memory.collect_at * spec.memory.limit
        self.littered = 0.0
        #: When cache contents were lost, negative if none were or it does not matter; the share that was lost, and the
        #: time (seconds) in which 63% of it comes back.
        self.emptied = -1.0
        self._lost = self._warms = 1.0
        #: Core-seconds taken so far by anything other than requests, up to the last `account`.
        self.hogged = 0.0
        #: Seconds of these in which a garbage collection stopped all work.
        self.paused = 0.0
        #: The time of the last `account`, and the core-seconds that requests had taken by then.
        self._accounted = (0.0, 0.0)
        #: The modifiers that act here, in the order in which they began.
        self.modifiers: tuple[Modifier, ...] = ()
        #: Ambient work, which the service does besides the played requests: the share of each core that it takes, by
        #: source and in total; the factor by which it lengthens the work of requests; the workers that it holds, and a
        #: clock of these like `busy_clock`.
        self._others: dict[str, float] = {}
        self.ambient = 0.0
        self.pace = 1.0
        self.ambient_workers = 0
        #: Whether anything changes how long work takes here, compared with the draw.
        self.hampered = False
        self._ambient_clock = 0.0

    @property
    def serves(self) -> bool:
        """Whether it gets calls."""
        return self.ready and not self.revision.held and not self.taken_out

    def busy_time(self, now: float) -> float:
        """Worker-seconds spent so far, on requests and on ambient work."""
        return self.busy_clock + (self.service.spec.workers - self.free) * now

    def ambient_time(self, now: float) -> float:
        """Worker-seconds spent so far on ambient work."""
        return self._ambient_clock + self.ambient_workers * now

    def core_time(self, now: float) -> float:
        """Core-seconds spent so far on requests."""
        if self.cores is not None:
            return self.core_clock + self.cores.spent(now)
        return self.core_clock + (self.service.spec.whole_cores - self.idle_cores) * now

    def throttled_time(self, now: float) -> float | None:
        """Seconds so far in which the quota throttled all work; None if there never was a quota."""
        if self.cores is None or self.throttled_before is None:
            return self.throttled_before
        return self.throttled_before + self.cores.throttled(now)

    def core_seconds(self, now: float) -> float:
        """Core-seconds taken so far, by requests and everything else on the cores."""
        if self.modifiers or self.ambient:
            self.account(now)
        return self.core_time(now) + self.hogged

    def account(self, now: float) -> None:
        """Add up the core time that other users took since the last call: their share of what requests left over.

        To be called before the modifiers here change, so that it is exact for steady ones; rising ones are averaged, as
        if requests used the cores evenly meanwhile.
        """
        since, used = self._accounted
        spent = self.core_time(now)
        self._accounted = (now, spent)
        if (self.modifiers or self.ambient) and self.up and now > since:
            idle = self.service.spec.cores * (now - since) - (spent - used)
            self.hogged += max(0.0, idle) * self._taken(since, now)

    def _taken(self, since: float, now: float) -> float:
        """The average share of each core that other users took since some time."""
        if not self.modifiers:
            return self.ambient
        step = (now - since) / _STEPS
        steps = [since + (i + 0.5) * step for i in range(_STEPS)]
        self.paused += step * sum(self._stands(moment) for moment in steps)
        return sum(self._hog(moment) for moment in steps) / _STEPS

    def _stands(self, now: float) -> bool:
        """Whether all its work is paused."""
        return any(modifier.curbs and modifier.effect(now).pause for modifier in self.modifiers)

    def _hog(self, now: float) -> float:
        """The share of each core that other users take."""
        left = 1.0 - self.ambient
        for modifier in self.modifiers:
            effect = modifier.effect(now)
            if effect.pause:
                return 1.0  # a garbage collector takes the cores that it stops
            left *= 1.0 - effect.hog
        return 1.0 - left

    def change(self, modifiers: tuple[Modifier, ...], now: float) -> None:
        """Replace the modifiers that act here."""
        self.account(now)
        self.modifiers = modifiers
        self.hampered = bool(modifiers) or self.ambient > 0.0

    def besides(self, what: str, share: float, now: float) -> None:
        """From now on, ambient work `what` takes this share of each core: work that begins takes longer."""
        self.account(now)
        if share:
            self._others[what] = share
        else:
            self._others.pop(what, None)
        self.pace = 1.0
        for each in self._others.values():
            self.pace /= 1.0 - each
        self.ambient = 1.0 - 1.0 / self.pace
        if self.loop is not None:
            self.loop.share(now, self.ambient)
        self.hampered = bool(self.modifiers) or self.ambient > 0.0

    def lend(self, workers: int, now: float) -> None:
        """Let ambient work hold this many of the free workers."""
        self.free -= workers
        self.busy_clock -= workers * now
        self.ambient_workers += workers
        self._ambient_clock -= workers * now

    def take_back(self, now: float) -> None:
        """Ambient work returns a worker; the caller passes it on."""
        self.ambient_workers -= 1
        self._ambient_clock += now

    def lose(self, share: float, warms: float, now: float) -> None:
        """Lose a share of a cache's contents; 63% of the loss comes back in `warms` seconds."""
        there = self.warmth(now) if self.emptied >= 0.0 else 1.0
        self._lost = 1.0 - there * (1.0 - share)
        self._warms = warms
        self.emptied = now

    def warmth(self, now: float) -> float:
        """The cache's hits now, as a share of those before it lost contents."""
        return 1.0 - self._lost * exp((self.emptied - now) / self._warms)

    @property
    def active(self) -> int:
        """Requests that hold a worker."""
        return self.service.spec.workers - self.free - self.ambient_workers

    @property
    def runs(self) -> bool:
        """Whether it has a process: one that is up, or one that starts."""
        return self.up or self.born < inf

    def memory(self) -> float:
        """Bytes in use: a base, a working set for each request here, uncollected garbage, and leaks."""
        if not self.runs:
            return 0.0
        spec = self.service.spec.memory
        used = spec.base * spec.limit + self.calls * spec.per_request + self.garbage % self.mark + self.leaked
        return min(spec.limit, used)

    @property
    def garbage(self) -> float:
        """Bytes of garbage that its process has made so far; it is collected each time it reaches the mark.

        So the uncollected garbage is a remainder, and the number of collections a quotient.
        """
        return self.handled * self._garbage + self.littered

    def heap(self) -> float:
        """Bytes on the heap: half of the idle memory is not heap, but code, stacks and system buffers."""
        spec = self.service.spec.memory
        return max(0.0, self.memory() - self.runs * spec.base * spec.limit / 2)

    def collections(self) -> int:
        """How often the process has collected its garbage."""
        return int(self.garbage // self.mark)

    def collects_at(self) -> float:
        """How many requests its process will have answered at its next garbage collection; infinite if never."""
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
        if self.loop is not None:
            self.loop.clear(now)
        self.leaked = 0.0
        self.littered = 0.0
        self.handled = 0
