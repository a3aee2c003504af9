"""The four kinds of record, defined once: names, types, units and order of their columns.

Everything that writes, loads or documents records derives from `RECORD_KINDS`: the NDJSON files, their JSON Schemas,
and the tables of other formats. A `Batch` holds records as columns, one polars frame per kind: millions of records are
cheap in that form and expensive as objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from meshquake.sim.telemetry.logs.catalogue import events
from meshquake.sim.telemetry.logs.form import LEVELS, SEVERITIES
from meshquake.sim.telemetry.metrics import METRICS, Metric
from meshquake.topology.errors import ERRORS
from meshquake.topology.json_schema import Schema, block, document, nullable


@dataclass(frozen=True)
class Column:
    """One column: its name, type, meaning, and the values that it may hold.

    A column of type "object" holds JSON text in a frame and an object in a record. `names` says what the text is the
    name of, such as a "service" of the mesh. A number lies between `low` and `high`, both included.
    """

    name: str
    type: str
    doc: str
    nullable: bool = False
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    names: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class RecordKind:
    """One kind of record. `name` is also the stem of its file.

    A record has the `optional` columns only where there is a value. In frames and tables they are null elsewhere.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    optional: tuple[Column, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def table(self) -> tuple[Column, ...]:
        """The columns of a table of such records; the optional ones are nullable."""
        return (*self.columns, *(replace(column, nullable=True) for column in self.optional))

    @property
    def objects(self) -> tuple[str, ...]:
        """Required columns that are objects in a record and JSON text in a frame; optional ones are objects, too."""
        return tuple(column.name for column in self.columns if column.type == "object")

    @property
    def frame_schema(self) -> pl.Schema:
        """The polars schema of a frame of such records, in the order of the file."""
        return pl.Schema({column.name: _POLARS[column.type] for column in (*self.columns, *self.optional)})

    def json_schema(self) -> Schema:
        """The JSON Schema (draft 2020-12) of one record."""
        required, optional = (
            {column.name: _json_schema(column) for column in columns} for columns in (self.columns, self.optional)
        )
        return document(self.name, block(self.doc, required, optional))


_POLARS: dict[str, Any] = {
    "time": pl.String,
    "string": pl.String,
    "object": pl.String,
    "number": pl.Float64,
    "integer": pl.Int64,
}
#: The largest number in a record: far beyond any run, but small enough that figures made of it fit into 64 bits.
LARGEST = 10**12
#: The format of timestamps in records and manifests.
TIME_PATTERN = r"^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}\+00:00$"


def _json_schema(column: Column) -> Schema:
    pattern, format = (TIME_PATTERN, "date-time") if column.type == "time" else (column.pattern, column.names)
    schema: Schema = {
        "description": column.doc,
        "type": "string" if column.type == "time" else column.type,
        **({"enum": list(column.choices)} if column.choices else {}),
        **({"pattern": pattern} if pattern else {}),
        **({"format": format} if format else {}),
        **({"minimum": column.low} if column.low is not None else {}),
        **({"maximum": column.high} if column.high is not None else {}),
    }
    return nullable(schema) if column.nullable else schema


#: What each `type` of event means.
EVENTS: dict[str, str] = events()

_UNITS = tuple(dict.fromkeys(metric.unit for metric in METRICS.values()))
_TRACE = r"^(?!0{32})[0-9a-f]{32}$"
_SPAN = r"^(?!0{16})[0-9a-f]{16}$"
#: The name of a replica or of a node ends with its number.
_REPLICA = r"-[0-9]{1,9}$"

METRIC = RecordKind(
    "metrics",
    "One sample of one metric, over the sampling interval that ends at `timestamp`.",
    (
        Column("timestamp", "time", "end of the sampling interval"),
        Column(
            "service",
            "string",
            "service measured; the caller for an edge metric; `node-exporter` for a node",
            names="service",
        ),
        Column("metric", "string", "name of the metric", choices=tuple(METRICS)),
        Column("value", "number", "the sample, in `unit`", low=-LARGEST, high=LARGEST),
        Column("unit", "string", "unit of `value`", choices=_UNITS),
        Column(
            "replica",
            "string",
            "replica or node measured; null for a service-wide figure",
            nullable=True,
            pattern=_REPLICA,
        ),
        Column("target", "string", "callee of an edge metric; null otherwise", nullable=True, names="service"),
    ),
)
LOG = RecordKind(
    "logs",
    "One log line.",
    (
        Column("timestamp", "time", "when it was written"),
        Column("service", "string", "service that wrote it", names="service"),
        Column("level", "string", "severity", choices=LEVELS),
        Column("message", "string", "the text"),
        Column("trace_id", "string", "trace it belongs to; null outside any request", nullable=True, pattern=_TRACE),
        Column("span_id", "string", "span it belongs to; null outside any request", nullable=True, pattern=_SPAN),
        Column("logger", "string", "component that wrote it"),
        Column(
            "replica",
            "string",
            "replica that wrote it; null for the service as a whole",
            nullable=True,
            pattern=_REPLICA,
        ),
    ),
)
TRACE = RecordKind(
    "traces",
    "A span: a request handled (server), an attempt at a call (client), or a part of what a process did (internal).",
    (
        Column("timestamp", "time", "start"),
        Column("trace_id", "string", "W3C trace id", pattern=_TRACE),
        Column("span_id", "string", "W3C span id", pattern=_SPAN),
        Column(
            "parent_span_id",
            "string",
            "span that caused it; null for the entry's server span",
            nullable=True,
            pattern=_SPAN,
        ),
        Column("service", "string", "service that did the work", names="service"),
        Column(
            "operation",
            "string",
            "`service.operation`: its own (server), the callee's (client), or `service.` and its name (internal)",
        ),
        Column("duration_ms", "number", "duration in milliseconds", low=0, high=LARGEST),
        Column("status", "string", "whether it succeeded", choices=("success", "error")),
        Column(
            "kind",
            "string",
            "side of the call, or `internal` for work within a process",
            choices=("server", "client", "internal"),
        ),
        Column("error_type", "string", "why it failed; null for a success", nullable=True, choices=tuple(ERRORS)),
        Column("status_code", "integer", "HTTP status that matches `error_type`; 0 for none", low=0, high=599),
        Column(
            "peer",
            "string",
            "the other side: caller of a server span (null for a user), callee of a client span; null for internal",
            nullable=True,
            names="service",
        ),
        Column(
            "replica", "string", "replica that did the work; null if none was reached", nullable=True, pattern=_REPLICA
        ),
        Column(
            "version",
            "string",
            "version that the replica ran; null if none was reached",
            nullable=True,
        ),
        Column("attempt", "integer", "number of the attempt, from 1", low=1, high=LARGEST),
    ),
    optional=(
        Column(
            "attributes",
            "object",
            "details of the request, if the service has a `stack`; for a replayed request, also the other "
            "fields of its file",
        ),
    ),
)
EVENT = RecordKind(
    "events",
    "Something that happened to a service, a replica or an edge.",
    (
        Column("timestamp", "time", "when it happened"),
        Column("type", "string", "what happened", choices=tuple(EVENTS)),
        Column("service", "string", "service it happened to", names="service"),
        Column("details", "string", "a sentence about it"),
        Column("severity", "string", "how bad it is", choices=SEVERITIES),
        Column("version", "string", "version of the service, if the event is about one; null otherwise", nullable=True),
        Column(
            "replica", "string", "replica it happened to; null for the whole service", nullable=True, pattern=_REPLICA
        ),
        Column("attributes", "object", "values that depend on the type"),
    ),
)

#: Whether a server span is an error of the service itself: it failed, and not because of the request
#: (`topology.errors.Error.of_request`).
ERRORS_OF_SERVER = (pl.col("status") == "error") & ~pl.col("status_code").is_between(400, 499)

#: The four kinds by name, in the order of a fixture's list.
RECORD_KINDS: dict[str, RecordKind] = {kind.name: kind for kind in (METRIC, LOG, TRACE, EVENT)}


def kinds(metrics: Mapping[str, Metric]) -> dict[str, RecordKind]:
    """Return the four kinds by name, for a recording that has these metrics, keyed by their names in it."""
    if metrics is METRICS:
        return RECORD_KINDS
    units = tuple(dict.fromkeys(metric.unit for metric in metrics.values()))
    choices = {"metric": tuple(metrics), "unit": units}
    columns = tuple(replace(each, choices=choices.get(each.name, each.choices)) for each in METRIC.columns)
    return RECORD_KINDS | {METRIC.name: replace(METRIC, columns=columns)}


@dataclass(frozen=True)
class Batch:
    """Records of the four kinds: one frame each, in order of time, as are successive batches.

    `clock` is the simulated time, in seconds from the start of the recording, up to which this batch is complete.
    """

    metrics: pl.DataFrame
    logs: pl.DataFrame
    traces: pl.DataFrame
    events: pl.DataFrame
    clock: float

    def frame(self, kind: str) -> pl.DataFrame:
        """Return the frame of the kind with that name."""
        frame: pl.DataFrame = getattr(self, kind)
        return frame

    def records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the records of the kind with that name as plain dicts, as in its file."""
        return records(RECORD_KINDS[kind], self.frame(kind))


def records(kind: RecordKind, frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the records of a frame as plain dicts."""
    for row in frame.iter_rows(named=True):
        for name in kind.objects:
            row[name] = json.loads(row[name])
        for column in kind.optional:
            text = row.pop(column.name)
            if text is not None:
                row[column.name] = json.loads(text)
        yield row
