"""Metric records from the tables of a case.

Only metrics that have an equivalent here are read (`exporters.formats.openrca2.names`). In a case without counts of
requests, rates, errors and percentiles of each service are computed from its spans.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from meshquake.exporters.formats.openrca2.names import known
from meshquake.sim.records import METRIC
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.sim.telemetry.timestamps import length, microseconds

_SERIES = ["service", "replica", "target"]
#: The metric that shows that a case has counts of requests.
_COUNTED = "request_rate"
_RANKS = {"latency_p50": 50, "latency_p95": 95, "latency_p99": 99}


def left_out(rows: pl.DataFrame) -> dict[str, int]:
    """Count the samples of metrics that have no equivalent here, by their names in the case."""
    others = rows.filter(~pl.col("metric").is_in(list(known())))
    return dict(others.group_by("metric").len().sort("metric").iter_rows())


def spacing(rows: pl.DataFrame) -> float:
    """Return the median time between samples of a series in seconds; 1 if no series has two samples."""
    gaps = rows.sort("at").select(gap=pl.col("at").diff().over("metric", *_SERIES)).filter(pl.col("gap") > 0)
    middle = gaps["gap"].median()
    return round(middle / 1e6, 3) if isinstance(middle, float) and middle >= 1000 else 1.0


def samples(rows: pl.DataFrame, interval: float) -> pl.DataFrame:
    """Convert rows to metric records.

    Parameters
    ----------
    rows
        The rows of the tables of metrics, with `at` in microseconds, and `timestamp`, `service`, `replica` and `target`
        as in records.
    interval
        Seconds between samples.
    """
    names = known()
    columns: dict[str, tuple[dict[str, Any], Any]] = {
        "ours": ({name: each.metric.name for name, each in names.items()}, pl.String),
        "divisor": ({name: each.divisor for name, each in names.items()}, pl.Float64),
        "counted": ({name: each.counted for name, each in names.items()}, pl.Boolean),
    }
    found = rows.filter(pl.col("metric").is_in(list(names))).with_columns(
        pl.col("metric").replace_strict(mapping, return_dtype=dtype).alias(name)
        for name, (mapping, dtype) in columns.items()
    )
    before = pl.col("value").shift().over("ours", *_SERIES, order_by="at")
    # A counter that falls has restarted.
    grown = pl.when(before > pl.col("value")).then("value").otherwise(pl.col("value") - before.fill_null(0.0))
    found = found.with_columns(rate=pl.when("counted").then(grown / interval))
    wholes = {metric.name: metric.share_of for metric in METRICS.values() if metric.share_of}
    rates = found.select("at", *_SERIES, whole="ours", of="rate")
    found = found.with_columns(whole=pl.col("ours").replace_strict(wholes, default=None, return_dtype=pl.String)).join(
        rates, on=["at", *_SERIES, "whole"], how="left", nulls_equal=True, maintain_order="left"
    )
    share = pl.when(pl.col("of") > 0).then(100 * pl.col("rate") / pl.col("of")).otherwise(0.0)
    value = (
        pl.when(pl.col("whole").is_not_null())
        .then(share)
        .when("counted")
        .then("rate")
        .otherwise(pl.col("value") * pl.col("divisor"))
    )
    return _records(found.with_columns(metric="ours", value=value).drop_nulls("value"))


def of_requests(traces: pl.DataFrame, start: datetime, interval: float, end: datetime) -> pl.DataFrame:
    """Compute metric records of the requests of each service from its spans.

    Parameters
    ----------
    traces
        Trace records.
    start, end
        Start and end of the recording.
    interval
        Seconds between samples.
    """
    begin, step = round(start.timestamp() * 1e6), round(interval * 1e6)
    ended = microseconds() + length()
    served = traces.filter(pl.col("kind") == "server").with_columns(
        at=((ended - begin) // step + 1) * step + begin, took=pl.col("duration_ms")
    )
    sorted_ = pl.col("took").sort()
    figures = served.group_by("at", "service").agg(
        request_rate=pl.len() / interval,
        error_rate=100 * (pl.col("status") == "error").mean(),
        **{name: sorted_.get((pl.len() * rank + 99) // 100 - 1) for name, rank in _RANKS.items()},
    )
    times = pl.DataFrame({"at": range(begin + step, round(end.timestamp() * 1e6) + 1, step)}, schema={"at": pl.Int64})
    grid = times.join(served.select("service").unique().sort("service"), how="cross")
    found = grid.join(figures, on=["at", "service"], how="left", maintain_order="left")
    rows = found.with_columns(pl.col("request_rate", "error_rate").fill_null(0.0)).unpivot(
        ["request_rate", "error_rate", *_RANKS], index=["at", "service"], variable_name="metric"
    )
    moment = pl.from_epoch("at", "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    nothing = pl.lit(None, pl.String)
    return _records(rows.drop_nulls("value").with_columns(timestamp=moment, replica=nothing, target=nothing))


def counts_requests(records: pl.DataFrame) -> bool:
    """Whether metric records have the request rates of services."""
    return not records.filter(metric=_COUNTED).is_empty()


def _records(rows: pl.DataFrame) -> pl.DataFrame:
    units = {name: metric.unit for name, metric in METRICS.items()}
    unit = pl.col("metric").replace_strict(units, return_dtype=pl.String)
    return rows.with_columns(pl.col("value").round(3) + 0.0, unit=unit).select(METRIC.frame_schema.names())
