"""What users saw: requests, the share that failed, and their latency, in the run and in its twin."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import polars as pl

from meshquake.exporters.page.axis import Axis
from meshquake.exporters.page.sources import Sources

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def users(sources: Sources) -> dict[str, Any]:
    """Aggregate users' requests by the step in which they started.

    Without an answer key, requests are those with recorded spans, and there is no twin.
    """
    axis, verdicts = sources.slots, sources.verdicts
    if verdicts is None:
        roots = sources.roots.select("start", "duration_ms", failed=pl.col("status") != "success")
        fact = _outcomes(roots.with_columns(step=axis.step_of(pl.col("start"))), axis)
        return {"axis": axis.as_json(), "fact": fact, "twin": None, "harmed": None}
    told = verdicts.with_columns(step=axis.step_of(axis.since()))
    made = told.select("step", "duration_ms", failed=pl.col("outcome") != "success")
    twin = told.filter(pl.col("twin_outcome").is_not_null()).select(
        "step", duration_ms="twin_duration_ms", failed=pl.col("twin_outcome") != "success"
    )
    harmed = told.filter(pl.col("effect").is_in(["failed", "slowed"]))
    return {
        "axis": axis.as_json(),
        "fact": _outcomes(made, axis),
        "twin": _outcomes(twin, axis),
        "harmed": np.bincount(harmed["step"].to_numpy(), minlength=axis.count).tolist(),
    }


def _outcomes(requests: pl.DataFrame, axis: Axis) -> dict[str, list[Any]]:
    """Return counts and latencies by step. Percentiles are nearest-rank: each is a duration that occurred."""
    steps = requests["step"].to_numpy()
    failed = requests["failed"].to_numpy().astype(float)
    durations: list[list[float]] = [[] for _ in range(axis.count)]
    for step, duration in requests.sort("duration_ms").select("step", "duration_ms").iter_rows():
        durations[step].append(duration)
    return {
        "requests": np.bincount(steps, minlength=axis.count).tolist(),
        "failed": np.bincount(steps, weights=failed, minlength=axis.count).astype(int).tolist(),
        **{name: [_percentile(each, share) for each in durations] for name, share in QUANTILES.items()},
    }


def _percentile(ordered: list[float], share: float) -> float | None:
    return ordered[ceil(share * len(ordered) - 1e-9) - 1] if ordered else None
