"""Metric records as Prometheus would have them: families of series, in base units, counted up.

Names follow Prometheus' practice (https://prometheus.io/docs/practices/naming/): seconds and ratios, `_total` for
counters. Figures of a service and of its replicas have names of their own, so that a sum over a name counts nothing
twice: `mesh_service_requests_total`, `mesh_replica_requests_total`, `mesh_edge_retries_total`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from meshquake.exporters.columns.timestamps import microseconds
from meshquake.exporters.formats.context import Context
from meshquake.sim.records import Batch


@dataclass(frozen=True)
class Family:
    """A family of series: its name without prefix and suffix, its type, its unit ("" if it's a number) and help."""

    name: str
    type: str
    unit: str
    help: str

    @property
    def suffix(self) -> str:
        """What the name of a sample has after that of its family."""
        return "_total" if self.type == "counter" else ""


def _ratio(name: str, text: str) -> Family:
    return Family(f"{name}_ratio", "gauge", "ratio", text)


def _seconds(name: str, text: str) -> Family:
    return Family(f"{name}_seconds", "gauge", "seconds", text)


def _gauge(name: str, text: str) -> Family:
    return Family(name, "gauge", "", text)


def _counter(name: str, text: str) -> Family:
    return Family(name, "counter", "", text)


#: The family of each metric. A rate becomes the count that it is the rate of; so does the share of errors.
FAMILIES: dict[str, Family] = {
    "cpu_usage": _ratio("cpu_usage", "Share of its cores in use."),
    "memory_usage": _ratio("memory_usage", "Memory in use, of the limit."),
    "request_rate": _counter("requests", "Requests handled or turned away."),
    "error_rate": _counter("errors", "Requests that failed."),
    "latency_p50": _seconds("latency_p50", "Half of the requests of the last interval took no longer."),
    "latency_p95": _seconds("latency_p95", "95% of the requests of the last interval took no longer."),
    "latency_p99": _seconds("latency_p99", "99% of the requests of the last interval took no longer."),
    "active_requests": _gauge("active_requests", "Requests that hold a worker."),
    "queue_depth": _gauge("queue_depth", "Requests that wait for a worker."),
    "worker_utilization": _ratio("worker_utilization", "Share of the workers that are held."),
    "query_time_p50": _seconds("query_time_p50", "Half of the queries of the last interval took no longer."),
    "query_time_p95": _seconds("query_time_p95", "95% of the queries of the last interval took no longer."),
    "query_time_p99": _seconds("query_time_p99", "99% of the queries of the last interval took no longer."),
    "connections_in_use": _gauge("connections_in_use", "Connections of callers with a pool that are in use."),
    "connections_opened": _counter("connections_opened", "Connections opened by callers with a pool."),
    "cache_hit_rate": _ratio("cache_hits", "Share of the lookups of the last interval that found something."),
    "retry_rate": _counter("retries", "Attempts after the first."),
    "timeout_rate": _counter("timeouts", "Attempts that the caller gave up on."),
    "circuit_breaker_state": _gauge("circuit_breaker_state", "0 closed, 1 half open, 2 open."),
    "pool_in_use": _gauge("pool_connections_in_use", "Connections of the caller's pool that are in use."),
}
#: By what the value of a metric is divided to be in the unit of its family.
_DIVISORS = {"%": 100.0, "ms": 1000.0}
_COUNTERS = [metric for metric, family in FAMILIES.items() if family.type == "counter"]
_LABELS = ["service", "replica", "target"]
_SERIES = ["metric", *_LABELS]
#: What the name of a family begins with: whose figure it is.
_LEVEL = pl.concat_str(
    pl.lit("mesh_"),
    pl.when(pl.col("replica").is_not_null()).then(pl.lit("replica_")).otherwise(pl.lit("")),
    pl.when(pl.col("target").is_not_null()).then(pl.lit("edge_")).otherwise(pl.lit("")),
    pl.when(pl.all_horizontal(pl.col("replica", "target").is_null())).then(pl.lit("service_")).otherwise(pl.lit("")),
)


class Samples:
    """Turns metric records into samples, one each, in their order; keeps what has been counted so far."""

    def __init__(self, context: Context) -> None:
        self._interval = context.interval
        self._totals = pl.DataFrame(schema={**dict.fromkeys(_SERIES, pl.String), "total": pl.Float64})

    def take(self, batch: Batch) -> pl.DataFrame:
        """The samples of a batch, all batches being taken in their order.

        Returns
        -------
        frame
            `at`, microseconds since 1970; `metric`, the name in the record; `family`, the whole name of the family;
            `name`, that of the sample; `service`, `replica` and `target`, the labels, null where there is none; and
            `value`.
        """
        value = (pl.col("value") / pl.col("unit").replace_strict(_DIVISORS, default=1.0)).round(6)
        return (
            self._counted(batch.metrics)
            .with_columns(
                at=microseconds(), family=pl.concat_str(_LEVEL, _of_family("name")), value=pl.coalesce("total", value)
            )
            .with_columns(name=pl.concat_str("family", _of_family("suffix")))
            .select("at", "metric", "family", "name", *_LABELS, "value")
        )

    def _counted(self, samples: pl.DataFrame) -> pl.DataFrame:
        """The samples, with the `total` so far of those that are counted."""
        requests = samples.filter(metric="request_rate").select("timestamp", *_LABELS, requests="value")
        rate = pl.when(metric="error_rate").then(pl.col("value") / 100 * pl.col("requests")).otherwise("value")
        # A rate has three decimals, and counts are whole: rounding brings them back for intervals of up to 1,000 s.
        count = pl.when(pl.col("metric").is_in(_COUNTERS)).then((rate * self._interval).round())
        counted = (
            samples.join(requests, on=["timestamp", *_LABELS], how="left", nulls_equal=True, maintain_order="left")
            .join(self._totals, on=_SERIES, how="left", nulls_equal=True, maintain_order="left")
            .with_columns(total=count.cum_sum().over(_SERIES) + pl.col("total").fill_null(0.0))
        )
        totals = counted.drop_nulls("total").group_by(_SERIES, maintain_order=True).agg(pl.col("total").last())
        self._totals = pl.concat([totals, self._totals]).unique(_SERIES, keep="first", maintain_order=True)
        return counted


def _of_family(attribute: str) -> pl.Expr:
    """What the family of each row's metric has."""
    return pl.col("metric").replace_strict({metric: getattr(each, attribute) for metric, each in FAMILIES.items()})
