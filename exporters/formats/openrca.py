"""An OpenRCA tree: one folder per day, with the tables of OpenRCA's system `Market`.

    record.csv                                        what was wrong (truth)
    telemetry/YYYY_MM_DD/metric/metric_service.csv    requests of a service: rr, sr (%), mrt (ms), count
    telemetry/YYYY_MM_DD/metric/metric_runtime.csv    metrics of a service
    telemetry/YYYY_MM_DD/metric/metric_container.csv  metrics of a replica
    telemetry/YYYY_MM_DD/metric/metric_mesh.csv       metrics of a caller about a callee
    telemetry/YYYY_MM_DD/trace/trace_span.csv
    telemetry/YYYY_MM_DD/log/log_service.csv

Tables, columns and units are those that OpenRCA documents in its prompts (https://github.com/microsoft/OpenRCA,
`rca/baseline/rca_agent/prompt/basic_prompt_Market.py`): times are Unix seconds, those of spans milliseconds, and
durations microseconds. Days and `datetime` are in UTC, so call its `main.generate` with `-t UTC`; OpenRCA's own data
sets are in UTC+8. OpenRCA's queries are written by a language model, and are not generated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.formats import cells
from meshquake.exporters.formats.completed_spans import CompletedSpans
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.log_lines import lines
from meshquake.exporters.formats.span_columns import SpanColumns
from meshquake.sim.records import ERRORS_OF_SERVER, Batch
from meshquake.sim.telemetry.timestamps import length, microseconds, seconds
from meshquake.topology.errors import ERRORS

_KPI = "timestamp,cmdb_id,kpi_name,value\n"
#: The header of each table, by its path in the folder of a day.
_HEADERS = {
    "metric/metric_service.csv": "service,timestamp,rr,sr,mrt,count\n",
    "metric/metric_runtime.csv": _KPI,
    "metric/metric_container.csv": _KPI,
    "metric/metric_mesh.csv": _KPI,
    "trace/trace_span.csv": (
        "timestamp,cmdb_id,span_id,trace_id,duration,type,status_code,operation_name,parent_span\n"
    ),
    "log/log_service.csv": "log_id,timestamp,cmdb_id,log_name,value\n",
}
_RECORD = "level,component,timestamp,datetime,reason\n"
#: Errors of requests that get no answer.
_UNANSWERED = [error.name for error in ERRORS.values() if not error.answered]


def sink(target: Path, context: Context) -> TreeSink:
    """Return a sink that writes a tree into a folder, with `record.csv` if the context has the truth."""
    return TreeSink(target, context)


class TreeSink:
    """Appends each record to a table of its day."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._files = Files(folder)
        self._ended = CompletedSpans(context)
        self._columns_of_spans = SpanColumns(context.topology)
        self._lines = 0
        if context.truth is not None:
            self._files.write("record.csv", _RECORD.encode() + cells.encode(_causes(context.truth["faults"])))

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        metrics = batch.metrics.with_columns(at=microseconds())
        of_edge, of_replica = pl.col("target").is_not_null(), pl.col("replica").is_not_null()
        edge = pl.concat_str(pl.coalesce("replica", "service"), pl.lit(".source."), "service", pl.lit("."), "target")
        self._append("metric/metric_service.csv", _requests(self._ended.take(batch)))
        self._append("metric/metric_runtime.csv", _kpis(metrics.filter(~of_edge, ~of_replica), pl.col("service")))
        self._append("metric/metric_container.csv", _kpis(metrics.filter(~of_edge, of_replica), pl.col("replica")))
        self._append("metric/metric_mesh.csv", _kpis(metrics.filter(of_edge), edge))
        self._append("trace/trace_span.csv", _spans(batch.traces, self._columns_of_spans))
        logs = lines(batch)
        self._append("log/log_service.csv", _logs(logs, self._lines))
        self._lines += len(logs)

    def close(self) -> None:
        """Flush the files to disk."""
        self._files.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()

    def _append(self, table: str, rows: pl.DataFrame) -> None:
        """Append rows, whose column `at` is their time in microseconds, to the tables of their days."""
        day = pl.from_epoch("at", "us").dt.strftime("%Y_%m_%d")
        for (name,), part in rows.group_by(day.alias("day"), maintain_order=True):
            self._files.write(f"telemetry/{name}/{table}", cells.encode(part.drop("at")), _HEADERS[table].encode())


def _requests(ended: pl.DataFrame) -> pl.DataFrame:
    """Requests by service and interval: the percentages answered and successful, the mean duration (ms), the count."""
    error = pl.col("error_type")
    return (
        ended.filter(kind="server")
        .group_by("at", "service")
        .agg(
            rr=100 - 100 * error.is_in(_UNANSWERED).fill_null(False).mean(),
            sr=100 - 100 * ERRORS_OF_SERVER.mean(),
            mrt=length().sum() / pl.len() / 1000,
            count=pl.len(),
        )
        .sort("at", "service")
        .select("at", "service", seconds("at").alias("timestamp"), pl.col("rr", "sr", "mrt").round(3), "count")
    )


def _kpis(metrics: pl.DataFrame, component: pl.Expr) -> pl.DataFrame:
    return metrics.select("at", seconds("at").alias("timestamp"), component.alias("cmdb_id"), "metric", "value")


def _spans(traces: pl.DataFrame, columns: SpanColumns) -> pl.DataFrame:
    return traces.with_columns(at=microseconds()).select(
        "at",
        pl.col("at").alias("timestamp") // 1000,
        pl.coalesce("replica", "service").alias("cmdb_id"),
        "span_id",
        "trace_id",
        (pl.col("duration_ms") * 1000).round().cast(pl.Int64),
        columns.type().alias("type"),
        columns.status().alias("status_code"),
        columns.name().alias("operation_name"),
        "parent_span_id",
    )


def _logs(records: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return log lines, numbered from `number`."""
    source = pl.when("event").then(pl.lit("event")).otherwise(pl.lit("application"))
    place = pl.concat_str(pl.lit(", trace_id: "), "trace_id", pl.lit(", span_id: "), "span_id")
    return records.with_columns(at=microseconds()).select(
        "at",
        pl.int_range(number, number + pl.len()).alias("log_id"),
        pl.col("at").alias("timestamp") // 1_000_000,
        pl.coalesce("replica", "service").alias("cmdb_id"),
        pl.concat_str(pl.lit("log_"), "service", pl.lit("-service_"), source).alias("log_name"),
        pl.concat_str(
            pl.lit("severity: "),
            pl.col("level").str.to_lowercase(),
            pl.lit(", message: "),
            "message",
            place.fill_null(""),
        ).alias("value"),
    )


def _causes(faults: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the rows of `record.csv`: the component and kind of each fault, in order of start."""
    rows = []
    for fault in sorted(faults, key=lambda fault: str(fault["start"])):
        replica, begun = fault["target"]["replica"], datetime.fromisoformat(fault["start"])
        component = replica or fault["root_cause"]["service"]
        moment = f"{begun:%Y-%m-%d %H:%M:%S}"
        rows.append(("pod" if replica else "service", component, int(begun.timestamp()), moment, fault["kind"]))
    return pl.DataFrame(rows, schema=_RECORD.strip().split(","), orient="row")
