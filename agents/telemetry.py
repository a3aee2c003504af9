"""The recorded telemetry of an incident as visible to those on call: nothing after `now`, and no truth.

Everything that answers from records (the tools, alerts, the brief) works on a `View`. That of a case on disk is cut at
a moment (`agents.case`); that of a running mesh is what it has recorded so far.
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
    """The telemetry that is visible at one moment.

    Attributes
    ----------
    services
        The services of the mesh, with the fields of its catalogue: name, kind, replicas, version, stack.
    start, now, end
        The start of the recording, the moment of this view, and the end of the recording, in UTC.
    interval
        Seconds between samples of a metric.
    table
        The metrics of the recording, by their recorded names.
    frames
        The records by kind, with the columns of `sim.records` and more: `n`, the number of the record among all of its
        kind, from 1; `at`, its time in microseconds since the start; and for spans, `end`.
    fixture
        The name of the recording in its brief and in answers; empty if it has none.
    objective, entries
        The SLO of users, and their entry operations, as far as known.
    brief
        The brief at the end of the recording; None if it has to be generated.
    withheld
        Hidden kinds of record. They are in `frames` all the same, because the brief is written from them.
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
        """Samples of metrics."""
        return self.frames[METRIC.name]

    @property
    def lines(self) -> pl.DataFrame:
        """The log lines."""
        return self.frames[LOG.name]

    @property
    def spans(self) -> pl.DataFrame:
        """Spans that have ended."""
        return self.frames[TRACE.name]

    @property
    def events(self) -> pl.DataFrame:
        """The events."""
        return self.frames[EVENT.name]

    @cached_property
    def requests(self) -> pl.DataFrame:
        """Spans of users' own requests that have ended."""
        return self.spans.filter(pl.col("parent_span_id").is_null(), pl.col("kind") == "server")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the services."""
        return tuple(service.name for service in self.services)

    @cached_property
    def elapsed(self) -> float:
        """Seconds from the start of the recording until now."""
        return (self.now - self.start).total_seconds()

    def shows(self, kind: str) -> bool:
        """Whether a kind of record is visible."""
        return kind not in self.withheld

    def called(self, metric: str) -> str | None:
        """Return the recorded name of a catalogue metric; None if it isn't recorded."""
        return next((name for name, each in self.table.items() if each.origin == metric), None)

    def until(self, now: datetime) -> View:
        """Return the view at an earlier moment, or at the same one."""
        last = (now - self.start) // timedelta(microseconds=1)
        frames = {
            kind: frame.filter(pl.col("end" if kind == TRACE.name else "at") <= last)
            for kind, frame in self.frames.items()
        }
        return replace(self, now=now, frames=frames)


def timed(kind: str, records: pl.DataFrame, start: datetime) -> pl.DataFrame:
    """Add the columns that a `View` needs to records.

    Parameters
    ----------
    kind
        The kind of the records.
    records
        All records of that kind, in order, with the columns of `sim.records`.
    start
        The start of the recording.
    """
    found = records.with_columns(at=Axis(start, 1.0, 1.0).since()).with_row_index("n", offset=1)
    if kind == TRACE.name:
        took = (pl.col("duration_ms") * 1000).round().cast(pl.Int64)
        found = found.with_columns(end=pl.col("at") + took)
    return found
