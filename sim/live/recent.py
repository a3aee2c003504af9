"""The most recent records of a running mesh: a limited number of events, log lines and traces."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict, deque
from collections.abc import Collection
from heapq import merge
from itertools import islice
from typing import Any, Final

import polars as pl

from meshquake.sim.records import Batch

#: How many events, lines of each service, traces, and spans of a trace are kept.
_EVENTS, _LINES, _TRACES, _SPANS = 300, 60, 80, 300
#: How many unremarkable lines of a service and traces of a batch are kept.
_SOME: Final = 8


class Recent:
    """Keeps a small part of what is recorded; failures take precedence.

    Attributes
    ----------
    events
        Records, the latest last.
    lines
        Records by service, the latest last.
    traces
        Spans by trace id, the latest trace last.
    """

    def __init__(self) -> None:
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.lines: dict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=_LINES))
        self.traces: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        #: Events so far, by which a reader can tell which are new.
        self.counted = 0

    def take(self, batch: Batch) -> None:
        """Take in the records of a batch."""
        for record in batch.records("events"):
            self.events.append(record)
            self.counted += 1
        self._take_lines(batch.logs.with_row_index("place"))
        self._take_traces(batch.traces)

    def lines_of(self, services: Collection[str], most: int) -> list[dict[str, Any]]:
        """Return the latest lines of some services, or of all if none is named, in order of time."""
        kept = [each for name, each in self.lines.items() if not services or name in services]
        return list(merge(*kept, key=lambda line: line["timestamp"]))[-most:]

    def _take_lines(self, logs: pl.DataFrame) -> None:
        loud = logs.filter(pl.col("level").is_in(["WARN", "ERROR", "FATAL"]))
        chosen = [logs.group_by("service").tail(_SOME), loud.group_by("service").tail(_LINES)]
        columns = logs.columns
        for record in _records(pl.concat([each.select(columns) for each in chosen]).unique("place").sort("place")):
            del record["place"]
            self.lines[record["service"]].append(record)

    def _take_traces(self, spans: pl.DataFrame) -> None:
        roots = spans.filter(pl.col("parent_span_id").is_null())
        failed = roots.filter(pl.col("status") == "error").tail(_SOME)
        slow = roots.top_k(_SOME, by="duration_ms")
        chosen = list(dict.fromkeys(pl.concat([failed, slow, roots.tail(_SOME)])["trace_id"]))
        # A trace may continue in later batches.
        for trace in chosen:
            self.traces.setdefault(trace, [])
        for record in _records(spans.filter(pl.col("trace_id").is_in(list(self.traces)))):
            kept = self.traces[record["trace_id"]]
            if len(kept) < _SPANS:
                kept.append(record)
        for trace in list(islice(self.traces, max(0, len(self.traces) - _TRACES))):
            del self.traces[trace]


def _records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    records = frame.to_dicts()
    for record in records:
        if isinstance(record.get("attributes"), str):
            record["attributes"] = json.loads(record["attributes"])
    return records
