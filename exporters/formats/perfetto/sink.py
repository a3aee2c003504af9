"""The sink that writes `trace.pftrace`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.perfetto.calls import Calls
from meshquake.exporters.formats.perfetto.packets import Packets
from meshquake.exporters.formats.perfetto.tracks import Tracks
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds

NAME = "trace.pftrace"
#: A record: its time, its kind (which breaks ties), and its other columns.
_Row = tuple[int, int, tuple[Any, ...]]
_EVENT, _SPAN, _SAMPLE = range(3)


def sink(target: Path, context: Context) -> PerfettoSink:
    """Return a sink that writes `trace.pftrace` into a folder."""
    return PerfettoSink(target, context)


class PerfettoSink:
    """Writes records of all kinds in order of time, so that the file doesn't depend on how they are batched."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._start = round(context.start.timestamp() * 1e6)
        self._conventions = Conventions(context.topology)
        self._names = InternedText(Conventions.TOLD, ["name"], self._name)
        self._packets = Packets(self._start)
        self._tracks = Tracks(self._packets, context)
        self._calls = Calls()
        self._files = Files(folder)

    def write(self, batch: Batch) -> None:
        """Append the records of a batch."""
        spans = self._names.add(self._conventions.told(batch.traces))
        names = ("trace_id", "span_id", "parent_span_id", "service", "replica", "kind", "name", length(), *_SAID)
        kinds = (
            _rows(_EVENT, batch.events, "service", "replica", "type", "severity", "details"),
            _rows(_SPAN, spans, *names),
            _rows(_SAMPLE, batch.metrics, "service", "replica", "metric", "target", "value"),
        )
        writers = (self._event, self._span, self._sample)
        for at, kind, row in merge(*kinds, key=itemgetter(0, 1)):
            writers[kind](at, *row)
        self._calls.forget(self._start + int(batch.clock * 1e6))
        self._files.write(NAME, self._packets.take())

    def close(self) -> None:
        """Write the remaining packets, and flush the file to disk."""
        self._files.write(NAME, self._packets.take())
        self._files.close()

    def discard(self) -> None:
        """Abandon the file."""
        self._files.discard()

    def _event(self, at: int, service: str, replica: str | None, type: str, severity: str, details: str) -> None:
        track = self._tracks.events(service, replica)
        self._packets.instant(at, track, type, {"severity": severity, "details": details})

    def _sample(
        self, at: int, service: str, replica: str | None, metric: str, target: str | None, value: float
    ) -> None:
        self._packets.sample(at, self._tracks.counter(service, replica, metric, target), value)

    def _span(
        self,
        at: int,
        trace: str,
        span: str,
        parent: str | None,
        service: str,
        replica: str | None,
        kind: str,
        name: str,
        micros: int,
        *values: str | int | None,
    ) -> None:
        end, called = at + micros, kind == "server"
        # The names of tracks tell calls that a service makes, which name their callee, from those that it handles.
        said = dict(zip(_SAID, values, strict=True))
        shown = name if called or said["peer"] is None else f"{name} -> {said['peer']}"
        track = self._calls.place(
            span,
            parent,
            (service, replica),
            called,
            at,
            end,
            lambda: self._tracks.below(self._tracks.owner(service, replica), shown),
        )
        self._packets.begin(
            at,
            track,
            name,
            kind,
            {"trace_id": trace, "span_id": span, **said},
            flow_from=int(span, 16) if kind == "client" else None,
            flow_to=int(parent, 16) if called and parent is not None else None,
        )
        self._packets.end(end, track)

    def _name(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        return {"name": self._conventions.describe(row).name}


#: Columns that are shown of a span, besides its ids.
_SAID = ("status", "error_type", "status_code", "peer", "version", "attempt")


def _rows(kind: int, frame: pl.DataFrame, *columns: str | pl.Expr) -> Iterator[_Row]:
    """Yield the rows of records of a kind, in order of time."""
    for at, *row in frame.select(microseconds().alias("at"), *columns).iter_rows():
        yield at, kind, tuple(row)
