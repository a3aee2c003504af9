"""Traffic of each edge over time: calls, failures, retries, timeouts, and the state of the caller's breaker."""

from __future__ import annotations

from typing import Any

import polars as pl

from meshquake.exporters.page.axis import dense
from meshquake.exporters.page.sources import Sources

_US = 1_000_000
#: Labels of the metrics on the page.
_METRICS = {"retry_rate": "retries", "timeout_rate": "timeouts", "circuit_breaker_state": "breaker"}


def pairs(sources: Sources) -> list[tuple[str, str]]:
    """List the edges of the mesh as caller and callee; if the mesh is not known, those seen in spans."""
    edges = [(edge.caller, edge.callee) for edge in sources.topology.edges]
    if edges:
        return edges
    clients = sources.spans.filter(pl.col("kind") == "client", pl.col("peer").is_not_null())
    return sorted(clients.select("service", "peer").unique().iter_rows())


def calls(sources: Sources) -> list[dict[str, Any]]:
    """Aggregate the calls that ended in each step of the slider, by edge in the order of `pairs`.

    `sent` and `failed` count client spans. `retries` and `timeouts` (both a second) and `breaker` (0 closed, 1 half
    open, 2 open) are the highest sample of the step.
    """
    axis = sources.moments
    ended = (
        sources.spans.lazy()
        .filter(pl.col("kind") == "client", pl.col("end") < round(axis.length * _US))
        .group_by("service", "peer", step=axis.step_of(pl.col("end")))
        .agg(sent=pl.len(), failed=(pl.col("status") != "success").sum())
        .collect()
        .partition_by("service", "peer", as_dict=True, include_key=False)
    )
    samples = (
        sources.samples.lazy()
        .filter(pl.col("metric").is_in(list(_METRICS)), pl.col("target").is_not_null())
        .group_by("service", "target", "metric", "step")
        .agg(pl.col("value").max())
        .collect()
        .partition_by("service", "target", "metric", as_dict=True, include_key=False)
    )
    found = []
    for caller, callee in pairs(sources):
        told: dict[str, Any] = {"caller": caller, "callee": callee}
        frame = ended.get((caller, callee))
        for name in ("sent", "failed"):
            values = [] if frame is None else dense(frame, name, axis.count)
            told[name] = [value or 0 for value in values] or [0] * axis.count
        for metric, name in _METRICS.items():
            # All-zero series are left out: most breakers never open.
            sampled = samples.get((caller, callee, metric))
            if sampled is not None and sampled["value"].max():
                told[name] = dense(sampled, "value", axis.count)
        found.append(told)
    return found
