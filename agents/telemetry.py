"""What is recorded of an incident, as those on call may look at it: nothing later than their `now`, and no truth.

Whoever answers from records (the tools, alerts, the brief) is given a `View`. One of a case on disk is cut at a moment
(`agents.case`); one of a running mesh is what it has recorded so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from meshquake.exporters.page.axis import Axis
from meshquake.sim.records import EVENT, LOG, METRIC, TRACE
from meshquake.sim.telemetry.metrics import Metric
from meshquake.topology.spec import Objective, Service


@dataclass(frozen=True)
class View:
    """What can be seen at one moment.

    Attributes
    ----------
    services
        Those of the mesh, as its catalogue of services has them: name, kind, replicas, version, stack.
    start, now, end
        When the recording began, the moment of which this is the view, and the last one that there is, in UTC.
    interval
        Seconds between samples of a metric.
    table
        The metrics of the recording, by the names that they have in it.
    frames
        The records by kind, as `sim.records` has them, with more columns: `n`, the place of the record among all of its
        kind, from 1; `at`, when it was, in microseconds since the start; and of spans `end`.
    fixture
        What the recording is called in its brief and in answers; empty if it has no name.
    objective, entries
        What users are promised, and the operations by which they enter, as far as they are known.
    brief
        The page that whoever is on call gets at the end; None if it has to be written.
    withheld
        Kinds of record that are not to be looked at. They are in `frames`: whoever wrote the brief saw them.
    """

    services: tuple[Service, ...]
    start: datetime
    now: datetime
    end: datetime
    interval: float
    table: Mapping[str, Metric]
    frames: Mapping[str, pl.DataFrame]
    fixture: str = ""
    objective: Objective = field(default_factory=Objective)
    entries: tuple[str, ...] = ()
    brief: str | None = None
    withheld: frozenset[str] = frozenset()

    @property
    def samples(self) -> pl.DataFrame:
        """The samples of metrics."""
        return self.frames[METRIC.name]

    @property
    def lines(self) -> pl.DataFrame:
        """The log lines."""
        return self.frames[LOG.name]

    @property
    def spans(self) -> pl.DataFrame:
        """The spans that have ended."""
        return self.frames[TRACE.name]

    @property
    def events(self) -> pl.DataFrame:
        """The events."""
        return self.frames[EVENT.name]

    @cached_property
    def requests(self) -> pl.DataFrame:
        """The spans of users' own requests, those that have ended."""
        return self.spans.filter(pl.col("parent_span_id").is_null(), pl.col("kind") == "server")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the services."""
        return tuple(service.name for service in self.services)

    @cached_property
    def elapsed(self) -> float:
        """Seconds from the start of the recording until now."""
        return (self.now - self.start).total_seconds()

    def shows(self, kind: str) -> bool:
        """Whether a kind of record may be looked at."""
        return kind not in self.withheld

    def called(self, metric: str) -> str | None:
        """What the recording calls a metric of the catalogue; None if it has none such."""
        return next((name for name, each in self.table.items() if each.origin == metric), None)

    def until(self, now: datetime) -> View:
        """The same at an earlier moment, or at this one."""
        last = (now - self.start) // timedelta(microseconds=1)
        frames = {
            kind: frame.filter(pl.col("end" if kind == TRACE.name else "at") <= last)
            for kind, frame in self.frames.items()
        }
        return replace(self, now=now, frames=frames)


def timed(kind: str, records: pl.DataFrame, start: datetime) -> pl.DataFrame:
    """Records with what a `View` needs of them.

    Parameters
    ----------
    kind
        Their kind.
    records
        All of that kind, in order, as `sim.records` has them.
    start
        When the recording began.
    """
    found = records.with_columns(at=Axis(start, 1.0, 1.0).since()).with_row_index("n", offset=1)
    if kind == TRACE.name:
        took = (pl.col("duration_ms") * 1000).round().cast(pl.Int64)
        found = found.with_columns(end=pl.col("at") + took)
    return found
