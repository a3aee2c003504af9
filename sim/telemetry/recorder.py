"""Puts telemetry together, batch by batch, in order of time.

A moment is settled when no call that is still under way can have been there: then everything before it, of all four signals,
can leave. The oldest request under way decides, so what is held back is about as long as the longest request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sim.journal import Event, Line
from sim.records import Batch
from sim.telemetry.events import event_frame
from sim.telemetry.logs import Lines
from sim.telemetry.metrics import Sampler
from sim.telemetry.spans import Spans, in_order, spans_of, trace_frame
from sim.telemetry.tables import Ints, Tables, microseconds

if TYPE_CHECKING:
    from sim.mesh import Mesh

Noted = TypeVar("Noted", Event, Line)
_LAST = np.iinfo(np.int64).max


class Recorder:
    """Records what happens in a mesh.

    Parameters
    ----------
    mesh
        The mesh, before it runs.
    start
        Wall time of simulated time 0.
    interval
        Sampling interval of metrics in whole microseconds.
    """

    def __init__(self, mesh: Mesh, start: datetime, interval: int) -> None:
        self._mesh = mesh
        self._interval = interval
        self._tables = Tables(mesh, start)
        self._lines = Lines(self._tables)
        self.sampler = Sampler(mesh, self._tables, interval)
        # Spans that some signal still waits for: traces go by their start, logs by their end, metrics by whole intervals.
        none = spans_of(b"")
        self._for_traces, self._for_logs, self._for_metrics = none, none, none

    @property
    def waiting(self) -> int:
        """Calls whose rows have not been looked at yet."""
        return self._mesh.life.count

    def batch(self, *, last: bool = False) -> Batch:
        """Everything that has settled since the last batch; with `last`, everything."""
        life = self._mesh.life
        horizon = inf if last else next(iter(life.live)).sent if life.live else self._mesh.now
        until = _LAST if last else int(microseconds(np.array([horizon]))[0])
        self._tables.refresh()
        spans = spans_of(life.take())
        traces, self._for_traces = _split(self._for_traces + spans, lambda s: s.start, until)
        logs, self._for_logs = _split(self._for_logs + spans, lambda s: s.end, until)
        through = until // self._interval
        metrics, self._for_metrics = _split(self._for_metrics + spans, lambda s: s.end, through * self._interval)
        journal = self._mesh.journal
        return Batch(
            metrics=self.sampler.frame(metrics, through),
            logs=self._lines.frame(logs, _shift(journal.lines, horizon)),
            traces=trace_frame(self._tables, in_order(traces, traces.start)),
            events=event_frame(self._tables, _shift(journal.events, horizon)),
            clock=min(horizon, self._mesh.now),
        )


def _split(spans: Spans, times: Callable[[Spans], Ints], until: int) -> tuple[Spans, Spans]:
    """The spans before a time, and the others."""
    before = times(spans) < until
    return spans.where(before), spans.where(~before)


def _shift(noted: list[Noted], horizon: float) -> list[Noted]:
    """Take what was noted before a time off the list."""
    count = bisect_left(noted, horizon, key=lambda each: each.time)
    taken = noted[:count]
    del noted[:count]
    return taken
