"""Put telemetry together, batch by batch, in order of time.

A moment is settled once no request still under way began before it: everything earlier, of all four signals, can then
be released. The oldest request under way sets that horizon, so telemetry is held back about as long as the longest
request takes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from math import inf
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from meshquake.sim.journal import Event, Line, Wait
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.events import event_frame
from meshquake.sim.telemetry.hosts.checkpoints import Checkpoints, changing
from meshquake.sim.telemetry.logs.lines import Lines, Written
from meshquake.sim.telemetry.logs.log_format import LogFormat
from meshquake.sim.telemetry.metrics.metric_table import MetricTable
from meshquake.sim.telemetry.requests.particulars import Particulars
from meshquake.sim.telemetry.sampling.sampler import Reading, Sampler
from meshquake.sim.telemetry.spans.inside import Inside, Insides
from meshquake.sim.telemetry.spans.span_attributes import SpanAttributes
from meshquake.sim.telemetry.spans.spans import Spans, in_order, spans_of
from meshquake.sim.telemetry.spans.traces import trace_frame
from meshquake.sim.telemetry.tables import Ints, Tables, microseconds
from meshquake.topology.errors import FOLLOWED
from meshquake.topology.replay import Attributes

if TYPE_CHECKING:
    from meshquake.sim.mesh import Mesh

Noted = TypeVar("Noted", Event, Line)
Kept = TypeVar("Kept", Spans, Insides, Written)
_LAST = np.iinfo(np.int64).max
#: The attribute that names the user of a replayed request, and the names that need no escaping in any text.
_USER, _PLAIN = "user.id", re.compile(r"[^\"\\\x00-\x1f]+")


@dataclass(frozen=True)
class Cut:
    """What a mesh has left since the previous cut: rows, readings and notes, not yet made into records.

    Everything before `horizon` (simulated seconds) is settled. `incarnations` is the number of processes so far.
    """

    horizon: float
    clock: float
    rows: bytes
    readings: list[Reading]
    lines: list[Line]
    events: list[Event]
    waits: list[Wait]
    attributes: dict[int, Attributes]
    incarnations: int


class Recorder:
    """Records what happens in a mesh.

    Parameters
    ----------
    mesh
        The mesh, before it runs.
    start
        Wall time of simulated time 0.
    interval_us
        Sampling interval of metrics, in whole microseconds.
    table
        The metrics to record; None for the whole catalogue.
    """

    def __init__(self, mesh: Mesh, start: datetime, interval_us: int, table: MetricTable | None = None) -> None:
        self._mesh = mesh
        self._interval_us = interval_us
        self._tables = Tables(mesh, start)
        particulars = self._particulars = Particulars(self._tables, mesh.topology, mesh.seed)
        #: For each cut that had requests with a known user: its clock, and the numbers of these requests.
        self._met: deque[tuple[float, list[int]]] = deque()
        self._lines = Lines(particulars)
        self._format = LogFormat(mesh.topology.telemetry.logs.format, self._tables.services)
        self.sampler = Sampler(mesh, self._tables, interval_us, table)
        # What each signal still waits for: traces go by the starts of spans, logs by the times of lines, metrics by
        # whole intervals.
        none = spans_of(b"")
        mesh.journal.attributes = {}
        #: Attributes of replayed requests whose log lines are still to come, by request number.
        self._attributes: dict[int, Attributes] = {}
        self._for_traces, self._for_metrics, self._for_logs = none, none, self._lines.written(none)
        self._checkpoints = Checkpoints(self._tables)
        #: Spans of statements that changed data, until all earlier ones have ended; and lines that are still to come.
        self._changes = none
        self._noted: list[Line] = []
        self._told = SpanAttributes(particulars, mesh.topology)
        self._inside = Inside(mesh, self._tables)
        #: Internal spans that begin at or after the horizon.
        self._insides = Insides.none()
        mesh.journal.waits = [] if self._inside else None

    @property
    def waiting(self) -> int:
        """About how many records have accumulated since the last cut: a call leaves two spans and a log line."""
        return 3 * self._mesh.engine.count + self.sampler.waiting

    def cut(self, *, last: bool = False) -> Cut:
        """Take from the mesh what has happened since the last cut; with `last`, everything left is settled."""
        mesh = self._mesh
        attributes, mesh.journal.attributes = mesh.journal.attributes or {}, {}
        waits, mesh.journal.waits = mesh.journal.waits or [], [] if self._inside else None
        horizon = inf if last else next(iter(mesh.engine.live)).sent if mesh.engine.live else mesh.now
        return Cut(
            horizon=horizon,
            clock=min(horizon, mesh.now),
            rows=mesh.engine.take(),
            readings=self.sampler.take(),
            lines=_shift(mesh.journal.lines, horizon),
            events=_shift(mesh.journal.events, horizon),
            waits=waits,
            attributes=attributes,
            incarnations=len(mesh.incarnations),
        )

    def batch(self, cut: Cut) -> Batch:
        """Return the records that a cut settles. Cuts must come in order.

        Reads nothing of the mesh that changes, so it may run while the simulation continues.
        """
        until = _LAST if cut.horizon == inf else int(microseconds(np.array([cut.horizon]))[0])
        self._tables.refresh(cut.incarnations)
        self._attributes |= cut.attributes
        self._meet(cut)
        spans = spans_of(cut.rows)
        known = self._for_traces + spans
        traces, self._for_traces = _split(known, lambda s: s.start, until)
        insides = Insides.none()
        if self._inside:
            # Requests that came before the horizon are over: no more of their spans are to come.
            made = self._insides + self._inside.waits(cut.waits) + self._inside.of(traces, known)
            insides, self._insides = _split(made, lambda s: s.start, until)
        logs, self._for_logs = _split(self._for_logs + self._lines.written(spans), lambda line: line.at, until)
        through = until // self._interval_us
        metrics, self._for_metrics = _split(self._for_metrics + spans, lambda s: s.end, through * self._interval_us)
        # Traces before logs: the log line at a request's end is the last to need the attributes, and drops them.
        traces = traces.where(in_order(self._tables, traces, traces.start))
        records = trace_frame(self._tables, traces, self._attributes, self._told, self._inside, insides)
        notices = merge(cut.lines, self._of_checkpoints(spans, until, cut.horizon), key=lambda line: line.time)
        lines = self._lines.frame(logs, list(notices), self._attributes)
        if self._format:
            lines = self._format.of(lines)
        return Batch(
            metrics=self.sampler.frame(metrics, cut.readings, through),
            logs=lines,
            traces=records,
            events=event_frame(self._tables, cut.events),
            clock=cut.clock,
        )

    def _meet(self, cut: Cut) -> None:
        """Learn the users of replayed requests that name one, and forget those of requests that are over.

        A request comes at most `FOLLOWED` after the horizon, and is over at most `FOLLOWED` after that.
        """
        users = {
            number: user for number, each in cut.attributes.items() if _PLAIN.fullmatch(user := each.get(_USER, ""))
        }
        if users:
            self._particulars.users |= users
            self._met.append((cut.clock, list(users)))
        while self._met and self._met[0][0] + 2 * FOLLOWED < cut.horizon < inf:
            for number in self._met.popleft()[1]:
                del self._particulars.users[number]

    def _of_checkpoints(self, spans: Spans, until: int, horizon: float) -> list[Line]:
        """Return the settled log lines about checkpoints of databases, given the spans of a cut."""
        some = spans.where(changing(self._tables, spans))
        changes, self._changes = _split(self._changes + some, lambda s: s.end, until)
        if len(changes):
            self._noted = sorted([*self._noted, *self._checkpoints.lines(changes)], key=lambda line: line.time)
        return _shift(self._noted, horizon)


def _split(kept: Kept, times: Callable[[Kept], Ints], until: int) -> tuple[Kept, Kept]:
    """Split a table into what is before a time (microseconds) and the rest."""
    before = times(kept) < until
    return kept.where(before), kept.where(~before)


def _shift(noted: list[Noted], horizon: float) -> list[Noted]:
    """Remove from the list, and return, what was noted before a time."""
    count = bisect_left(noted, horizon, key=lambda each: each.time)
    taken = noted[:count]
    del noted[:count]
    return taken
