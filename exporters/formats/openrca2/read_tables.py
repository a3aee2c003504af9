"""Read the tables of a case, and reject folders that aren't one."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from meshquake.exporters.formats.openrca2.windows import WINDOWS
from meshquake.exporters.formats.registry import FormatError

#: The columns read from each kind of table.
_COLUMNS = {
    "traces": (
        *("time", "trace_id", "span_id", "parent_span_id", "span_name", "service_name", "duration"),
        *("attr.span_kind", "attr.status_code", "attr.http.response.status_code", "attr.k8s.pod.name"),
    ),
    "logs": ("time", "trace_id", "span_id", "level", "service_name", "message", "attr.k8s.pod.name"),
    "metrics": (
        *("time", "metric", "value", "service_name", "attr.k8s.pod.name", "attr.k8s.node.name"),
        *("attr.k8s.deployment.name", "attr.k8s.statefulset.name", "attr.destination_workload"),
    ),
}
#: The kind of each table that is read; the last table may be missing.
_TABLES = {"traces": "traces", "logs": "logs", "metrics": "metrics", "metrics_sum": "metrics"}
#: Columns that a table may lack: cases differ in what was collected from the cluster.
_OPTIONAL = tuple(name for name in _COLUMNS["metrics"] if name.startswith("attr."))


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Read the rows of both windows by table, in order of time, with `at` in microseconds; all metrics in one table.

    Raises
    ------
    exporters.formats.registry.FormatError
        If a table is missing, isn't Parquet, lacks columns, or has ids that aren't W3C's; it lists every problem.
    """
    problems: list[str] = []
    parts: dict[str, list[pl.DataFrame]] = {}
    for table, shape in _TABLES.items():
        for window in WINDOWS:
            path = folder / f"{window}_{table}.parquet"
            if not path.is_file():
                if table != "metrics_sum":
                    problems.append(f"{path}: is missing; every case of OpenRCA 2.0 has it")
                continue
            try:
                found = pl.read_parquet_schema(path)
                absent = [name for name in _COLUMNS[shape] if name not in found and name not in _OPTIONAL]
                if absent:
                    problems.append(f"{path}: has no column {', '.join(absent)}")
                    continue
                # A table without rows may have columns of no type.
                whole = pl.scan_parquet(path).with_columns(
                    pl.lit(None, pl.String).alias(name) for name in _COLUMNS[shape] if name not in found
                )
                frame = whole.select(_COLUMNS[shape]).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                problems.append(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}")
                continue
            if not frame.schema["time"].is_temporal():
                problems.append(f"{path}: its column time has no times")
                continue
            if wrong := _wrong_ids(frame) if table == "traces" else 0:
                problems.append(f"{path}: {wrong} spans have ids that are not of 32 and 16 hexadecimal digits")
            parts.setdefault(table, []).append(frame)
    if problems:
        raise FormatError(*problems)
    at = pl.col("time").dt.timestamp("us").alias("at")
    counts = parts.pop("metrics_sum", [])
    parts["metrics"] += counts
    return {
        table: pl.concat(frames, how="vertical_relaxed").with_columns(at).sort("at", maintain_order=True)
        for table, frames in parts.items()
    }


def _wrong_ids(traces: pl.DataFrame) -> int:
    good = pl.col("trace_id").str.contains("^[0-9a-f]{32}$") & pl.col("span_id").str.contains("^[0-9a-f]{16}$")
    return len(traces.filter(~good.fill_null(False)))
