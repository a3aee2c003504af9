"""The metrics of each service over time, thinned if there are more samples than steps on the page.

A step with several samples keeps the highest and the lowest of them, so that no peak is lost. Every figure on the page
is a sample of the recording.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from meshquake.exporters.page.axis import dense
from meshquake.exporters.page.sources import Sources

#: Metrics of a service on the page, with their labels.
SHOWN = {
    "request_rate": "Requests",
    "error_rate": "Errors",
    "latency_p95": "p95 latency",
    "cpu_usage": "CPU",
    "worker_utilization": "Workers",
    "queue_depth": "Queue",
    "pool_in_use": "Pools",
}


def series(sources: Sources) -> dict[str, dict[str, dict[str, Any]]]:
    """Return, by service and metric, `high` in each step, and `low` where that may differ.

    Metrics of pools are those of all of the service's calls together.
    """
    samples = sources.samples.filter(pl.col("metric").is_in(list(SHOWN)))
    own = samples.filter(pl.col("target").is_null())
    pools = samples.filter(pl.col("metric") == "pool_in_use", pl.col("target").is_not_null())
    pools = pools.group_by("service", "metric", "unit", "timestamp", "step").agg(pl.col("value").sum())
    columns = ["service", "metric", "unit", "timestamp", "step", "value"]
    whole = pl.concat([own.select(columns), pools.select(columns)])
    axis = sources.moments
    one_each = axis.step <= sources.interval * (1 + 1e-9)
    found: dict[str, dict[str, dict[str, Any]]] = {service.name: {} for service in sources.topology.services}
    extremes = whole.group_by("service", "metric", "unit", "step", maintain_order=True).agg(
        high=pl.col("value").max(), low=pl.col("value").min()
    )
    for (service, metric, unit), frame in extremes.group_by("service", "metric", "unit", maintain_order=True):
        told: dict[str, Any] = {"unit": unit, "high": dense(frame, "high", axis.count)}
        if not one_each:
            told["low"] = dense(frame, "low", axis.count)
        found.setdefault(str(service), {})[str(metric)] = told
    for service, by_metric in found.items():
        found[service] = {metric: by_metric[metric] for metric in SHOWN if metric in by_metric}
    return found
