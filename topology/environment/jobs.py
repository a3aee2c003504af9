"""Background jobs that services run on a schedule: data, and the common jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import DAY
from meshquake.topology.keys import key
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.units import duration

#: Stands for all common jobs.
USUAL: Final = "usual"


@dataclass(frozen=True)
class Job:
    """A job that each replica of some services runs on its own schedule.

    It takes a share of each core while it runs, and may evict part of a cache, whose hit rate then recovers as it fills
    again. A common job needs only its name; other keys override its usual values.
    """

    shorthand: ClassVar[str] = "name"
    name: str = key("text", "its name; `usual` stands for all common jobs")
    on: str | None = key("text", "service or kind of service that runs it (default: all but external ones)", None)
    every: float | None = key("duration", "mean time from one run to the next", None, low=1, high=30 * DAY)
    takes: float | None = key("duration", "mean length of a run", None, low=0.1, high=DAY)
    cores: float | None = key("ratio", "share of each core that it takes", None, low=0, high=0.9)
    evicts: float | None = key("ratio", "share of a cache's hits that is lost after a run", None, low=0, high=1)
    quiet: bool | None = key("flag", "whether it leaves only log lines, and no events", None)

    @property
    def problem(self) -> str:
        """What is wrong with the job although each key is valid; empty if nothing is."""
        missing = [word for word in ("every", "takes") if getattr(self, word) is None]
        if missing and self.name not in (USUAL, *JOBS):
            known = suggestion(self.name, [USUAL, *JOBS])
            return f"needs {' and '.join(missing)} too, unless its name is that of a common job{known}"
        long = [
            f"{job.name} takes {duration(job.takes)} of every {duration(job.every)}"
            for job in self.known()
            if job.takes > job.every / 2
        ]
        return f"must take at most half of the time between runs, but {listed(long)}" if long else ""

    def known(self) -> Iterator[KnownJob]:
        """Yield the jobs that it stands for, with everything filled in."""
        said = {word: value for word, key in keys_of(Job).items() if (value := getattr(self, key.field)) is not None}
        if self.name == USUAL:
            del said["name"]
            for job in JOBS.values():
                yield replace(job, **said)
        else:
            yield replace(JOBS.get(self.name, _ANY), **said)


@dataclass(frozen=True)
class KnownJob:
    """A job with everything filled in; the fields are those of `Job`."""

    name: str
    on: str | None
    every: float
    takes: float
    cores: float = 0.05
    evicts: float = 0.0
    quiet: bool = False

    def runs_on(self, service: str, kind: str) -> bool:
        """Whether a service of a kind runs it."""
        return kind != "external" if self.on is None else self.on in (service, kind)


_ANY = KnownJob("", None, 600.0, 10.0)

_MINUTE, _HOUR = 60.0, 3600.0
#: The common jobs, by name, with the default schedule of the product where one is named.
JOBS: Final[Mapping[str, KnownJob]] = {
    job.name: job
    for job in (
        # PostgreSQL: checkpoint_timeout 5min; autovacuum_naptime 1min, and every other round finds work.
        KnownJob("checkpoint", "database", 5 * _MINUTE, 20.0, cores=0.05, quiet=True),
        KnownJob("autovacuum", "database", 2 * _MINUTE, 6.0, cores=0.08, quiet=True),
        KnownJob("compaction", "database", 10 * _MINUTE, 20.0, cores=0.15),
        KnownJob("backup", "database", 24 * _HOUR, 15 * _MINUTE, cores=0.1),
        # Redis: `save 300 100`, and an active expiry cycle that always runs and strikes in waves.
        KnownJob("snapshot", "cache", 5 * _MINUTE, 4.0, cores=0.1, quiet=True),
        KnownJob("eviction", "cache", 3 * _MINUTE, 2.0, cores=0.03, evicts=0.03, quiet=True),
        KnownJob("cleanup", "service", 30 * _MINUTE, 10.0, cores=0.08),
        KnownJob("report", "service", _HOUR, 20.0, cores=0.12),
        KnownJob("metrics-rollup", "service", 5 * _MINUTE, 3.0, cores=0.05, quiet=True),
        KnownJob("config-sync", "gateway", 5 * _MINUTE, 1.0, cores=0.02, quiet=True),
        KnownJob("log-rotation", None, _HOUR, 2.0, cores=0.03, quiet=True),
    )
}
