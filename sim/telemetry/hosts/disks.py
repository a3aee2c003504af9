"""Disk usage of pods: log files that grow and are rotated, statements that read and write, checkpoints.

All of it follows from the spans of an interval and from what came before. A database reads what it doesn't have in
memory, writes changes to its log at once, and writes the changed pages at the next checkpoint (`checkpoints`). What
containers print goes to files on their node; the kubelet keeps five per container, of ten mebibytes each
(`containerLogMaxFiles`, `containerLogMaxSize`). No call waits for a disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from meshquake.sim.telemetry.hosts import checkpoints
from meshquake.sim.telemetry.ids import mix
from meshquake.sim.telemetry.tables import Floats, rank
from meshquake.topology.addresses import address, uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.telemetry.hosts.traffic import Traffic
    from meshquake.sim.telemetry.metrics.sources import Counted
    from meshquake.sim.telemetry.spans.spans import Mask, Spans
    from meshquake.sim.telemetry.tables import Tables

#: Average bytes of a line in a container's log; lines have from half of it to half as much again.
LINE = 220.0
#: Bytes of a container's log file, and the number of files kept.
LOG_FILE, LOG_FILES = 10 * 2.0**20, 5
#: The share of statements that need pages from disk: databases that serve users have hit ratios of 95% and more.
_MISSED = 0.05
#: The share of logged bytes that stay on disk: logs are reused, and old versions of rows are removed.
KEPT = 0.4
#: Bytes of a node's disk that its own system takes.
SYSTEM = 12 * 2.0**30
_DISK, _LINE = (np.uint64(address(0, name) % 2**64) for name in ("disk", "line"))


class Disks:
    """Disk usage of replicas in some intervals: tables with one row per interval and one column per replica.

    Parameters
    ----------
    tables, replicas
        Tables of the mesh; the replicas of the columns.
    there
        Whether each replica was there at the end of each interval.
    spans, traffic, served
        The server spans that ended in the intervals, their messages, and their cells in the tables.
    failed
        Number of failed calls of each replica in each interval.
    kept
        Totals since the beginning of the run, by name and replica; updated to the end of the intervals.
    """

    def __init__(
        self,
        tables: Tables,
        replicas: Sequence[Replica],
        there: Mask,
        spans: Spans,
        traffic: Traffic,
        served: Counted,
        failed: Floats,
        kept: dict[str, dict[int, float]],
    ) -> None:
        self._tables = tables
        self._replicas = replicas
        self._there = there
        self._spans = spans
        self._traffic = traffic
        self._served = served
        self._failed = failed
        self._kept = kept
        self._keeps = np.array([replica.service.spec.kind == "database" for replica in replicas], dtype=np.bool_)

    @cached_property
    def _lines(self) -> Floats:
        """Bytes of log lines: one line per request, and one per failed call."""
        return self._served.total(np.rint(LINE * (0.5 + self._drawn(_LINE)))) + LINE * self._failed

    @cached_property
    def _changes(self) -> Floats:
        """Bytes that databases log for changes."""
        spans = self._spans
        logged = checkpoints.LOGGED * self._traffic.request
        return self._served.total(np.where(checkpoints.changing(self._tables, spans), logged, 0.0))

    @cached_property
    def _changed(self) -> tuple[Floats, Floats]:
        return self._running("changes", self._changes)

    @cached_property
    def read(self) -> Floats:
        """Bytes that databases read: pages not in memory, more of them for long answers; nan for other services."""
        spans, traffic = self._spans, self._traffic
        missed = self._tables.site_keeps[spans.site] & (spans.worked >= 0) & (self._drawn(_DISK) < _MISSED)
        page = checkpoints.PAGE
        bytes = np.where(missed, page * np.ceil(traffic.answer / page + 1.0), 0.0)
        return np.where(self._keeps, self._served.total(bytes), np.nan)

    @cached_property
    def written(self) -> Floats:
        """Bytes written, including pages at checkpoints."""
        before, after = (np.floor(each / checkpoints.CHECKPOINT).astype(np.int64) for each in self._changed)
        written = self._lines + self._changes
        for interval, place in np.argwhere(after > before).tolist():
            numbers = range(int(before[interval, place]) + 1, int(after[interval, place]) + 1)
            name = self._replicas[place].name
            pages = sum(checkpoints.pages(self._tables.seed, name, each) for each in numbers)
            written[interval, place] += checkpoints.PAGE * pages
        return written

    @cached_property
    def used(self) -> Floats:
        """How full each database's volume is at the end of each interval, in percent."""
        _, changed = self._changed
        disks = [replica.service.spec.disk for replica in self._replicas]
        size = np.array([disk.size for disk in disks])
        first = np.array([disk.used for disk in disks]) * size
        share = 100 * np.minimum(1.0, (first + KEPT * changed) / size)
        return np.where(self._keeps, share, np.nan)

    @cached_property
    def logs(self) -> Floats:
        """Bytes of each container's log files at the end of each interval: the full ones kept, and the current one.

        They go with their pod.
        """
        _, lines = self._running("lines", self._lines)
        # Processes have run for long, so each starts somewhere in its current file.
        seed = self._tables.seed
        phase = [uniform(address(seed, "log file", replica.name), 0) * LOG_FILE for replica in self._replicas]
        kept = (LOG_FILES - 1) * LOG_FILE + (np.array(phase) + lines) % LOG_FILE
        return np.where(self._there, kept, np.nan)

    def _drawn(self, about: np.uint64) -> Floats:
        """Return a uniform number in [0, 1) for each span's call."""
        return (mix(self._traffic.word ^ about) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def _running(self, name: str, amounts: Floats) -> tuple[Floats, Floats]:
        """Return totals since the beginning of the run, before and after each interval."""
        kept = self._kept.setdefault(name, {})
        ranks = [rank(replica) for replica in self._replicas]
        first = np.array([kept.get(each, 0.0) for each in ranks])
        after = first + np.cumsum(amounts, axis=0)
        kept.update(zip(ranks, after[-1].tolist(), strict=True))
        return np.concatenate([first[np.newaxis], after[:-1]]), after
