"""Background jobs (`topology.environment.jobs`), which run on each replica at its own times.

When a run begins depends on the seed, the job, the replica and the number of the run, and on nothing else. A replica
that is down at that time, or still busy with the run before, misses the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Final

from meshquake.faults.fault import Target
from meshquake.faults.kinds.job import Job
from meshquake.sim.environment.newcomers import Newcomers
from meshquake.sim.journal import Happening
from meshquake.topology.addresses import address, uniform
from meshquake.topology.environment.jobs import KnownJob

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.replica import Replica

#: How often the mesh is checked for new replicas (seconds).
_LOOK: Final = 2.0
#: How far a run may be off schedule, each way, as a share of the interval.
_JITTER: Final = 0.1
#: The shortest and longest run, as multiples of the average.
_TAKES: Final = (0.7, 1.3)
#: Evicted entries come back with this time constant (63% of them, in seconds), unless the cache says how long it takes
#: to warm up; after `_WARMED` times as long, all but a fiftieth are back.
_WARM: Final = 5.0
_WARMED: Final = 4


@dataclass(frozen=True)
class _Task:
    """A job of one replica, and the key of its draws."""

    replica: Replica
    job: KnownJob
    key: int

    @property
    def called(self) -> str:
        """The name under which a run takes cores."""
        return f"job {self.job.name}"

    def begins(self, number: int) -> float:
        """Return when a run begins (seconds); the first one may have begun before the recording."""
        off = _JITTER * (2 * uniform(self.key, number, 1) - 1)
        return self.job.every * (number + uniform(self.key, 0) + off)

    def ends(self, number: int) -> float:
        """Return when a run ends (seconds)."""
        low, high = _TAKES
        return self.begins(number) + self.job.takes * (low + (high - low) * uniform(self.key, number, 2))


class Jobs:
    """Runs the jobs of a mesh's replicas; `jobs` has those of each service, by name."""

    def __init__(self, cluster: Cluster, jobs: Mapping[str, Sequence[KnownJob]]) -> None:
        self._cluster = cluster
        self._jobs = {cluster.services[name]: each for name, each in jobs.items()}
        self._newcomers = Newcomers(self._jobs)
        self._look(None)

    def _look(self, _: None) -> None:
        cluster = self._cluster
        for replica in self._newcomers.take():
            for job in self._jobs[replica.service]:
                name = replica.service.spec.name
                task = _Task(replica, job, address(cluster.seed, "job", job.name, name, replica.index) % 2**64)
                self._schedule(task, floor(cluster.now / job.every) - 2)
        cluster.env.call_at(cluster.now + _LOOK, self._look)

    def _schedule(self, task: _Task, number: int) -> None:
        """Schedule the next run from `number` on: one not over yet at the start, later one that has not begun yet."""
        now = self._cluster.now
        while (task.begins(number) if now else task.ends(number)) <= now:
            number += 1
        self._cluster.env.call_at(max(now, task.begins(number)), self._begin, (task, number))

    def _begin(self, run: tuple[_Task, int]) -> None:
        task, number = run
        replica, cluster = task.replica, self._cluster
        if replica not in replica.service.replicas:
            return  # the replica is gone, and so are its jobs
        if not replica.up or replica.leaving:
            self._schedule(task, number + 1)
            return
        began = task.begins(number) >= 0  # else before the recording
        # What is quiet leaves only log lines, and some stacks have their own for it.
        told = task.job.quiet and began and cluster.chatter.work(replica, task.job.name, number)
        happening = self._tell(task, number) if began and not told else None
        replica.besides(task.called, task.job.cores, cluster.now)
        cluster.env.call_at(task.ends(number), self._end, (task, number, replica.incarnation, happening, told))

    def _end(self, run: tuple[_Task, int, int, Happening | None, bool]) -> None:
        task, number, incarnation, happening, told = run
        replica, cluster = task.replica, self._cluster
        if replica.incarnation == incarnation and replica.up:
            replica.besides(task.called, 0.0, cluster.now)
            took = task.ends(number) - task.begins(number)
            if not told:
                name = "chore_finished" if task.job.quiet else "task_finished"
                cluster.journal.note(name, replica.service, replica=replica, job=task.job.name, took_s=f"{took:.1f}")
            if task.job.evicts:
                self._evict(task)
        if happening is not None:
            happening.end = cluster.now
        self._schedule(task, number + 1)

    def _tell(self, task: _Task, number: int) -> Happening | None:
        """Note that a run begins; return it if it leaves events."""
        replica, job, journal = task.replica, task.job, self._cluster.journal
        if job.quiet:
            journal.note("chore_started", replica.service, replica=replica, job=job.name)
            return None
        target = Target("replica", replica.service.spec.name, replica.index)
        happening = Happening(f"{job.name}-{replica.name}-{number + 1}", Job.kind, target, self._cluster.now)
        journal.happened.append(happening)
        journal.note("task_started", replica.service, replica=replica, signature=happening.id, job=job.name)
        return happening

    def _evict(self, task: _Task) -> None:
        """Lose some of what lookups would find; it comes back as it is asked for."""
        cluster, replica = self._cluster, task.replica
        warms = replica.service.spec.warm_up
        replica.lose(task.job.evicts, warms or _WARM, cluster.now)
        if warms is None:
            cluster.env.call_at(cluster.now + _WARMED * _WARM, self._is_warm, (replica, cluster.now))

    def _is_warm(self, since: tuple[Replica, float]) -> None:
        """End the warm-up, unless more was evicted since."""
        replica, emptied = since
        if replica.emptied == emptied:
            replica.emptied = -1.0
