"""A case as RCAEval and BARO read it.

    simple_metrics.csv    one row per sample, one column per service and measure; `baro.utility.read_data` reads it
    metrics.json          the same by column; `RCAEval.utility.read_metrics` reads it
    logs.csv, traces.csv  `RCAEval.utility.read_logs` and `read_traces` read them
    inject_time.txt       when the first fault began (truth)

Layout and names are those of RCAEval 1.8 (https://github.com/phamquiluan/RCAEval) and its data sets RE1 to RE3: times
are Unix seconds, latencies seconds, memory bytes, CPU percent; errors, workload and bytes of disks are per second. Its
rates and percentiles come from Prometheus, so here they cover the last minute. RCAEval splits names at their first
underscore, so underscores in names of services become hyphens. The columns that RCAEval's own log parser fills
(`cluster_id`, `log_template`) are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from meshquake.exporters.columns.operations import callee
from meshquake.exporters.formats import cells
from meshquake.exporters.formats.completed_spans import CompletedSpans
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.last_minute import LastMinute
from meshquake.exporters.formats.log_lines import lines
from meshquake.exporters.formats.span_columns import SpanColumns
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.metrics import METRICS, Metric
from meshquake.sim.telemetry.timestamps import microseconds, seconds
from meshquake.truth.spill_file import SpillFile

_METRICS = ("cpu_usage", "memory_usage", "open_sockets", "request_rate", "error_rate")
_DISKS = ("disk_read", "disk_written")
_RATES = ("cpu", "diskio", "error", "workload")
_MEASURES = ("cpu", "mem", "diskio", "socket", "latency-50", "latency-90", "error", "workload")
_LOGS = "time,timestamp,container_name,message,level,req_path,error,cluster_id,log_template\n"
_TRACES = (
    "time,traceID,spanID,serviceName,methodName,operationName,startTimeMillis,startTime,duration,statusCode,"
    "parentSpanID\n"
)


#: The column of services, with their names in this format.
_named = pl.col("service").str.replace_all("_", "-", literal=True)


def _name(service: str) -> str:
    """Return the name of a service in this format; it is unique, as the topology loader ensures."""
    return service.replace("_", "-")


def sink(target: Path, context: Context) -> CaseSink:
    """Return a sink that writes a case into a folder, with `inject_time.txt` if the context has the truth."""
    return CaseSink(target, context)


def measures(metrics: pl.DataFrame, memory: dict[str, float], recorded: Mapping[str, Metric] = METRICS) -> pl.DataFrame:
    """Return RCAEval's measures, except latencies, of each service at each time.

    Parameters
    ----------
    metrics
        Metric records.
    memory
        Memory limit of a replica of each service, in bytes.
    recorded
        The metrics of the recording, by their names in it.

    Returns
    -------
    frame
        `at`, in microseconds since 1970, `service`, and its measures since the previous time; null where there is
        nothing to measure.
    """
    by_origin = {metric.origin: metric for metric in recorded.values()}
    scales = {metric.name: metric.scale for metric in recorded.values() if metric.origin in _DISKS}
    bytes = pl.col("value") / pl.col("metric").replace_strict(scales, default=1.0, return_dtype=pl.Float64)
    disks = (
        metrics.filter(pl.col("metric").is_in(list(scales)))
        .group_by(microseconds().alias("at"), "service")
        .agg(diskio=bytes.sum())
    )
    of = {name: _measured(by_origin.get(name)) for name in _METRICS}
    return (
        metrics.filter(pl.all_horizontal(pl.col("replica", "target").is_null()))
        .group_by(microseconds().alias("at"), "service", maintain_order=True)
        .agg(**of)
        .join(disks, on=["at", "service"], how="left", maintain_order="left")
        .select(
            "at",
            "service",
            pl.col("cpu_usage").alias("cpu"),
            (pl.col("memory_usage") / 100 * pl.col("service").replace_strict(memory)).alias("mem"),
            "diskio",
            pl.col("open_sockets").alias("socket"),
            (pl.col("error_rate") / 100 * pl.col("request_rate")).alias("error"),
            pl.col("request_rate").alias("workload"),
        )
    )


def _rounded(over_minute: pl.DataFrame) -> pl.DataFrame:
    """Round measures to the decimals that they have in the files."""
    digits = {"mem": 0, "diskio": 0, "latency-50": 6, "latency-90": 6}
    return over_minute.select("at", "service", *(pl.col(name).round(digits.get(name, 3)) for name in _MEASURES))


def _measured(metric: Metric | None) -> pl.Expr:
    """The sample of a metric in the unit in which it was measured; null if it isn't recorded."""
    if metric is None:
        return pl.col("value").filter(pl.lit(False)).first()
    sample = pl.col("value").filter(metric=metric.name).first()
    return sample if metric.scale == 1.0 else (sample / metric.scale).round(3)


class CaseSink:
    """Writes rows as they come, and `metrics.json` at the end."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._ended = CompletedSpans(context)
        self._last_minute = LastMinute(_RATES)
        self._columns_of_spans = SpanColumns(context.topology)
        self._recorded = context.metrics
        self._memory = {service.name: float(service.memory.limit) for service in context.topology.services}
        self._files = Files(folder)
        self._series = SpillFile(folder)
        self._columns = [f"{_name(service)}_{measure}" for service in self._memory for measure in _MEASURES]
        self._files.write("simple_metrics.csv", f"time,{','.join(self._columns)}\n".encode())
        self._files.write("logs.csv", _LOGS.encode())
        self._files.write("traces.csv", _TRACES.encode())
        faults = context.truth["faults"] if context.truth else []
        if faults:
            begun = min(datetime.fromisoformat(fault["start"]) for fault in faults)
            self._files.write("inject_time.txt", f"{int(begun.timestamp())}\n".encode())

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        since = measures(batch.metrics, self._memory, self._recorded)
        measured = _rounded(self._last_minute.take(since, self._ended.take(batch)))
        self._write("simple_metrics.csv", self._wide(measured))
        for key, text in _pairs(measured).iter_rows():
            self._series.add(key, text.encode())
        self._write("logs.csv", _logs(lines(batch)).with_columns(_named))
        self._write("traces.csv", _spans(batch.traces, self._columns_of_spans).with_columns(_named))

    def close(self) -> None:
        """Write the series, and flush the files to disk."""
        self._files.write("metrics.json", b"{")
        for position, key in enumerate(key for key in self._columns if key in self._series):
            self._files.write("metrics.json", f'{"," if position else ""}\n"{key}": ['.encode())
            text = self._series.pieces(key)
            self._files.write("metrics.json", next(text)[1:])  # no comma before the first pair
            for more in text:
                self._files.write("metrics.json", more)
            self._files.write("metrics.json", b"]")
        self._files.write("metrics.json", b"\n}\n")
        self._files.close()
        self._series.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()
        self._series.close()

    def _write(self, name: str, frame: pl.DataFrame) -> None:
        self._files.write(name, cells.encode(frame))

    def _wide(self, measured: pl.DataFrame) -> pl.DataFrame:
        """Pivot measures to one row per time."""
        cells = (
            pl.col(measure).filter(service=service).first().alias(f"{_name(service)}_{measure}")
            for service in self._memory
            for measure in _MEASURES
        )
        return measured.group_by("at", maintain_order=True).agg(cells).with_columns(seconds("at"))


def _pairs(measured: pl.DataFrame) -> pl.DataFrame:
    """Return each series with its samples as JSON pairs of time and value, each with a comma before it."""
    return (
        measured.with_columns(seconds("at"))
        .unpivot(_MEASURES, index=["at", "service"], variable_name="measure")
        .drop_nulls("value")
        .group_by(pl.concat_str(_named, pl.lit("_"), "measure").alias("key"), maintain_order=True)
        .agg(
            text=pl.concat_str(pl.lit(",["), "at", pl.lit(","), pl.col("value").cast(pl.String), pl.lit("]")).str.join(
                ""
            )
        )
    )


def _logs(records: pl.DataFrame) -> pl.DataFrame:
    empty = pl.lit(None, pl.String)
    return records.with_columns(at=microseconds()).select(
        pl.col("at") // 1_000_000,
        pl.col("at").alias("timestamp") * 1000,
        "service",
        "message",
        "level",
        *(empty.alias(name) for name in ("req_path", "error", "cluster_id", "log_template")),
    )


def _spans(records: pl.DataFrame, columns: SpanColumns) -> pl.DataFrame:
    return records.with_columns(at=microseconds()).select(
        (pl.col("at") // 1_000_000).alias("time"),
        "trace_id",
        "span_id",
        "service",
        columns.method().alias("methodName"),
        columns.name(callee().str.replace_all("_", "-", literal=True)).alias("operationName"),
        (pl.col("at") // 1000).alias("startTimeMillis"),
        "at",
        (pl.col("duration_ms") * 1000).round().cast(pl.Int64),
        columns.status(),
        "parent_span_id",
    )
