"""OTLP: traces, logs (including events) and metrics in the OpenTelemetry protocol, one request per line.

    traces.jsonl logs.jsonl metrics.jsonl

Lines are in the JSON encoding of OTLP 1.10 (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), with one
file per signal, as its file format requires (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/); each
line is also the body of a request. Repeated fragments are rendered once (`exporters.columns.interned_text`), and lines
are assembled as columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.columns.versions import Versions
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.otlp_json import attributes, text
from meshquake.exporters.formats.otlp_metrics import Points
from meshquake.exporters.formats.semconv import SCHEMA_URL, Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds
from meshquake.sim.version import VERSION

#: Records per request: lines stay well below the megabyte that the collector's file receiver reads by default.
RECORDS = 500
#: OTLP severity numbers, of log levels and of severities of events.
SEVERITIES = {
    "DEBUG": 5,
    "INFO": 9,
    "WARN": 13,
    "ERROR": 17,
    "FATAL": 21,
    "info": 9,
    "warning": 13,
    "error": 17,
    "critical": 21,
}
#: Columns of an encoded record: its time, resource, scope and text, and the number of records that it counts as.
_ROWS = {"at": pl.Int64, "resource": pl.String, "scope": pl.String, "record": pl.String, "records": pl.Int32}


def sink(target: Path, context: Context) -> OtlpSink:
    """Return a sink that writes the three files into a folder."""
    return OtlpSink(target, context)


@dataclass(frozen=True)
class Request:
    """An export request: its signal, its body in JSON, and its number of records.

    `at` is the time of the last record, in microseconds since 1970.
    """

    signal: str
    body: bytes
    records: int
    at: int


class Requests:
    """Groups records into requests, which depend only on the records, not on how they are batched."""

    def __init__(self, context: Context) -> None:
        self._conventions = Conventions(context.topology)
        self._versions = Versions(context.topology)
        self._spans = InternedText(Conventions.TOLD, ["said", "end"], self._describe)
        self._resources = InternedText(["service", "replica", "version"], ["resource"], self._resource)
        self._loggers = InternedText(["logger"], ["scope"], lambda row: {"scope": text({"name": row["logger"]})})
        self._levels = InternedText(["level"], ["severity"], lambda row: {"severity": _severity(row["level"])})
        self._points = Points(context, self._conventions)
        self._waiting = {signal: pl.DataFrame(schema=_ROWS) for signal in ("traces", "logs")}

    def take(self, batch: Batch) -> Iterator[Request]:
        """Take the next batch in order; yields the requests that it completes."""
        self._versions.take(batch)
        yield from self._full("traces", self._traces(batch))
        yield from self._full(
            "logs", pl.concat([self._logs(batch), self._events(batch)]).sort("at", maintain_order=True)
        )
        yield from _requests("metrics", self._metrics(batch))

    def finish(self) -> Iterator[Request]:
        """Yield requests with the records still waiting: at the end, or earlier to flush them."""
        for signal, rows in self._waiting.items():
            yield from _requests(signal, rows.with_columns(request=0))
            self._waiting[signal] = rows.clear()

    def _full(self, signal: str, rows: pl.DataFrame) -> Iterator[Request]:
        """Add rows to those waiting, and make as many full requests as possible."""
        rows = pl.concat([self._waiting[signal], rows])
        full = len(rows) - len(rows) % RECORDS
        self._waiting[signal] = rows[full:]
        return _requests(signal, rows[:full].with_columns(request=pl.int_range(full) // RECORDS))

    def _traces(self, batch: Batch) -> pl.DataFrame:
        frame = self._spans.add(
            self._resources.add(self._conventions.told(batch.traces.with_columns(at=microseconds())))
        )
        end = pl.col("at") + length()
        return frame.with_columns(
            scope=pl.lit(SCOPE),
            record=pl.concat_str(
                pl.lit('{"traceId":"'),
                "trace_id",
                pl.lit('","spanId":"'),
                "span_id",
                pl.when(pl.col("parent_span_id").is_null())
                .then(pl.lit(""))
                .otherwise(pl.concat_str(pl.lit('","parentSpanId":"'), "parent_span_id")),
                pl.lit('","startTimeUnixNano":"'),
                nanoseconds("at"),
                pl.lit('","endTimeUnixNano":"'),
                nanoseconds(end),
                pl.lit('",'),
                "said",
                _told(frame["attributes"]),
                "end",
            ),
            records=1,
        ).select(*_ROWS)

    def _resource(self, row: Any) -> dict[str, str | None]:
        return {"resource": text({"attributes": attributes(self._conventions.resource(row))})}

    def _describe(self, row: Any) -> dict[str, str | None]:
        """Return the JSON of a span before and after its own attributes, which come first in the list of attributes."""
        described = self._conventions.describe(row)
        said = text({"name": described.name, "kind": described.kind, "attributes": []})
        others = text(attributes(described.attributes))[1:-1]
        comma = "," if row[told_attributes.KEYS] and others else ""
        status = text({"status": {"code": 2} if described.failed else {}})
        return {"said": said[1:-2], "end": f"{comma}{others}],{status[1:]}"}

    def _logs(self, batch: Batch) -> pl.DataFrame:
        frame = self._resources.add(self._versions.add(batch.logs.with_columns(at=microseconds())))
        frame = self._levels.add(self._loggers.add(frame))
        inside = pl.concat_str(
            pl.lit(',"traceId":"'), "trace_id", pl.lit('","spanId":"'), "span_id", pl.lit('"')
        ).fill_null("")
        body = pl.struct(stringValue="message").struct.json_encode()
        return frame.with_columns(
            record=pl.concat_str(_at(), pl.lit(","), "severity", pl.lit(',"body":'), body, inside, pl.lit("}")),
            records=1,
        ).select(*_ROWS)

    def _events(self, batch: Batch) -> pl.DataFrame:
        """Encode events as log records with an event name and attributes."""
        frame = self._resources.add(
            self._versions.add(batch.events.with_columns(at=microseconds()).rename({"version": "concerned"}))
        )
        said = [
            f'{_severity(row["severity"])},"eventName":{text(row["type"])},"attributes":{text(_attributes(row))}}}'
            for row in frame.iter_rows(named=True)
        ]
        return (
            frame.with_columns(scope=pl.lit(SCOPE), said=pl.Series(said, dtype=pl.String))
            .with_columns(record=pl.concat_str(_at(), pl.lit(","), "said"), records=1)
            .select(*_ROWS)
        )

    def _metrics(self, batch: Batch) -> pl.DataFrame:
        """Encode metrics with their data points; each moment has requests of its own."""
        points = self._resources.add(self._versions.add(self._points.take(batch)))
        part = pl.int_range(pl.len()).over("at") // RECORDS
        return (
            points.with_columns(request=pl.struct("at", part.alias("part")).rle_id())
            .group_by("request", "at", "resource", "head", "tail", maintain_order=True)
            .agg(pl.col("point").str.join(","), records=pl.len())
            .with_columns(scope=pl.lit(SCOPE), record=pl.concat_str("head", "point", "tail"))
        )


class OtlpSink:
    """Writes requests into three files."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._requests = Requests(context)
        self._files = Files(folder)
        for signal in ("traces", "logs", "metrics"):
            self._files.write(f"{signal}.jsonl", b"")

    def write(self, batch: Batch) -> None:
        """Append the requests that are complete with a batch."""
        self._append(self._requests.take(batch))

    def close(self) -> None:
        """Append the last requests, and flush the files to disk."""
        self._append(self._requests.finish())
        self._files.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()

    def _append(self, requests: Iterator[Request]) -> None:
        for request in requests:
            self._files.write(f"{request.signal}.jsonl", request.body + b"\n")


def _told(values: pl.Series) -> pl.Series:
    """The attributes of spans in OTLP's JSON; empty if there are none."""
    head = '{"key":"$k","value":{'
    return told_attributes.items(
        values,
        head + '"stringValue":"$v"}}',
        head + '"intValue":"$v"}}',
        lambda key, value: text(attributes({key: value}))[1:-1],
    ).fill_null("")


# -- JSON -------------------------------------------------------------------------------------------------------------


def nanoseconds(micros: str | pl.Expr) -> pl.Expr:
    """Convert microseconds to a string of nanoseconds."""
    column = pl.col(micros) if isinstance(micros, str) else micros
    return pl.concat_str(column.cast(pl.String), pl.lit("000"))


#: The scope of records that have no logger.
SCOPE = text({"name": "meshquake", "version": VERSION})
#: The keys of a request, from the outside in.
_KEYS = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}


def _requests(signal: str, rows: pl.DataFrame) -> Iterator[Request]:
    """Yield the requests of rows, which are grouped by the column `request`, then by resource and scope."""
    outer, middle, inner = _KEYS[signal]
    end = pl.lit(f'],"schemaUrl":"{SCHEMA_URL}"}}')
    by_scope = pl.concat_str(pl.lit('{"scope":'), "scope", pl.lit(f',"{inner}":['), "record", end)
    by_resource = pl.concat_str(pl.lit('{"resource":'), "resource", pl.lit(f',"{middle}":['), "text", end)
    whole = pl.concat_str(pl.lit(f'{{"{outer}":['), "text", pl.lit("]}"))
    totals = (pl.col("records").sum(), pl.col("at").max())
    requests = (
        rows.group_by("request", "resource", "scope", maintain_order=True)
        .agg(pl.col("record").str.join(","), *totals)
        .with_columns(text=by_scope)
        .group_by("request", "resource", maintain_order=True)
        .agg(pl.col("text").str.join(","), *totals)
        .with_columns(text=by_resource)
        .group_by("request", maintain_order=True)
        .agg(pl.col("text").str.join(","), *totals)
        .select(whole, "records", "at")
    )
    for body, records, at in requests.iter_rows():
        yield Request(signal, body.encode(), records, at)


def _severity(level: str) -> str:
    return f'"severityNumber":{SEVERITIES[level]},"severityText":{text(level)}'


def _at() -> pl.Expr:
    """The beginning of a log record: its time, which is also its observed time."""
    return pl.concat_str(
        pl.lit('{"timeUnixNano":"'),
        nanoseconds("at"),
        pl.lit('","observedTimeUnixNano":"'),
        nanoseconds("at"),
        pl.lit('"'),
    )


def _attributes(event: Any) -> list[dict[str, Any]]:
    values = {"message": event["details"], **json.loads(event["attributes"]), "version": event["concerned"]}
    return attributes({f"mesh.{key}": value for key, value in values.items() if value is not None})
