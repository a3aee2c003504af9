"""Jaeger: `traces.json`, as its UI's file upload reads traces and its API returns them.

An object with the traces under `data`, each with its spans and their processes; times are in microseconds
(https://github.com/jaegertracing/jaeger-ui/blob/main/packages/jaeger-ui/src/types/trace.tsx).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.otlp_json import text
from meshquake.exporters.formats.semconv import Attributes, Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds

NAME = "traces.json"
#: Microseconds after the latest end of a trace's spans when the trace counts as complete. A span that comes even later,
#: such as one of a call that the network delayed for longer, gets an entry of its own.
_QUIET = 10_000_000


def sink(target: Path, context: Context) -> JaegerSink:
    """Return a sink that writes `traces.json` into a folder."""
    return JaegerSink(target, context)


@dataclass
class _Trace:
    """A trace so far: its spans, their processes, and the latest end."""

    name: str
    spans: list[tuple[str, str | None, int, int, tuple[str, str, str]]] = field(default_factory=list)
    processes: dict[str, None] = field(default_factory=dict)
    end: int = 0


class JaegerSink:
    """Holds spans until their traces are complete, and writes traces in order of their first spans."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._conventions = Conventions(context.topology)
        self._said = InternedText((*Conventions.TOLD, "replica", "version"), ["said", "end", "process"], self._describe)
        self._processes: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._start = round(context.start.timestamp() * 1e6)
        self._traces: dict[str, _Trace] = {}
        self._waiting: deque[_Trace] = deque()
        self._files = Files(folder)
        self._files.write(NAME, b'{"data":[')
        self._between = b"\n"

    def write(self, batch: Batch) -> None:
        """Take the spans of a batch, and append the traces that are complete."""
        frame = self._said.add(self._conventions.told(batch.traces))
        spans = frame.select(
            "trace_id",
            "span_id",
            "parent_span_id",
            microseconds().alias("at"),
            length(),
            "said",
            _told(frame["attributes"]).alias("told"),
            "end",
            "process",
        )
        for name, span, parent, at, micros, said, told, end, process in spans.iter_rows():
            trace = self._traces.get(name)
            if trace is None or at > trace.end + _QUIET:
                trace = self._traces[name] = _Trace(name)
                self._waiting.append(trace)
            shared = self._texts.setdefault(said, said), told, self._texts.setdefault(end, end)
            trace.spans.append((span, parent, at, micros, shared))
            trace.processes[process] = None
            trace.end = max(trace.end, at + micros)
        # No span of a later batch starts before the batch's clock.
        self._append(self._start + int(batch.clock * 1e6))

    def close(self) -> None:
        """Append the remaining traces, and flush the file to disk."""
        self._append(None)
        self._files.write(NAME, b"\n]}\n")
        self._files.close()

    def discard(self) -> None:
        """Abandon the file."""
        self._files.discard()

    def _append(self, until: int | None) -> None:
        """Append the traces that are complete if later spans start at `until` or after; all traces if it is None."""
        while self._waiting and (until is None or self._waiting[0].end + _QUIET < until):
            trace = self._waiting.popleft()
            if self._traces.get(trace.name) is trace:
                del self._traces[trace.name]
            self._files.write(NAME, self._between + self._encode(trace).encode())
            self._between = b",\n"

    def _encode(self, trace: _Trace) -> str:
        spans = []
        for span, parent, at, micros, said in trace.spans:
            above = f'{{"refType":"CHILD_OF","traceID":"{trace.name}","spanID":"{parent}"}}' if parent else ""
            spans.append(
                f'{{"traceID":"{trace.name}","spanID":"{span}","references":[{above}],'
                f'"startTime":{at},"duration":{micros},{"".join(said)}'
            )
        processes = ",".join(f"{text(process)}:{self._processes[process]}" for process in trace.processes)
        return f'{{"traceID":"{trace.name}","spans":[{",".join(spans)}],"processes":{{{processes}}},"warnings":null}}'

    def _describe(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        described = self._conventions.describe(row)
        who = self._conventions.resource(row)
        process = f"{row['service']}/{row['replica'] or ''}/{row['version'] or ''}"
        self._processes[process] = text({"serviceName": who.pop("service.name"), "tags": _tags(who)})
        tags = _tags(described.attributes)
        if described.failed:
            tags.append({"key": "error", "type": "bool", "value": True})
        first = {"key": "span.kind", "type": "string", "value": row["kind"]}
        said = {"operationName": described.name, "tags": [first]}
        others = "".join(f",{text(each)}" for each in tags)
        rest: dict[str, Any] = {"logs": [], "processID": process, "warnings": None}
        return {"said": text(said)[1:-2], "end": f"{others}],{text(rest)[1:]}", "process": process}


def _told(values: pl.Series) -> pl.Series:
    """The attributes of spans as tags, with a comma before them; empty if there are none."""
    head = '{"key":"$k","type":'
    found = told_attributes.items(
        values,
        head + '"string","value":"$v"}',
        head + '"int64","value":$v}',
        lambda key, value: text(_tags({key: value if isinstance(value, str | int) else text(value)}))[1:-1],
    )
    return pl.select(pl.when(found != "").then(pl.concat_str(pl.lit(","), found)).otherwise(pl.lit(""))).to_series()


def _tags(values: Attributes) -> list[dict[str, Any]]:
    return [
        {"key": key, "type": "int64" if isinstance(value, int) else "string", "value": value}
        for key, value in values.items()
    ]
