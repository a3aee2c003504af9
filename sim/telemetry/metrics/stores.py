"""Metrics of databases and caches: queries, lookups, and connections to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.telemetry.metrics.calls import pool_in_use
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric, percentiles
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Growth, Share, Side

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge


def _pool_opened(edge: RuntimeEdge, now: float) -> float | None:
    return edge.opened if edge.spec.pool else None


ROWS = (
    *percentiles(
        "query_time",
        "queries",
        lambda spans: spans.worked_ms,
        (Level.STORE,),
        "From the start of the work to the answer.",
    ),
    Metric(
        "connections_in_use",
        "connections",
        Kind.GAUGE,
        (Level.STORE,),
        Gauge(Level.CALLER, pool_in_use, Combine.SUM),
        "Connections in use by callers with a pool.",
        alert=Alert.RISE,
    ),
    Metric(
        "connections_opened",
        "1/s",
        Kind.COUNTER,
        (Level.STORE,),
        Growth(Level.EDGE, _pool_opened, Combine.SUM),
        "Connections opened by callers with a pool.",
        alert=Alert.RISE,
    ),
    Metric(
        "cache_hit_rate",
        "%",
        Kind.GAUGE,
        (Level.STORE,),
        Share(Side.CLIENT, lambda spans: spans.hit, among=lambda spans: spans.hit | spans.missed),
        "Share of the lookups in the last interval that were hits.",
        export_name="cache_hits",
        alert=Alert.EITHER,
    ),
)
