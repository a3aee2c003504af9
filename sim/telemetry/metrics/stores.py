"""What databases and caches are asked, and over which connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.telemetry.metrics.calls import pool_in_use
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Floats, Gauge, Growth, Quantile, Share, Side

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.telemetry.spans.spans import Spans


def _query_time(spans: Spans) -> Floats:
    return spans.worked_ms


def _pool_opened(edge: RuntimeEdge, now: float) -> float | None:
    return edge.opened if edge.spec.pool else None


ROWS = (
    Metric(
        "query_time_p50",
        "ms",
        Kind.GAUGE,
        (Level.STORE,),
        Quantile(Side.SERVER, _query_time, 0.50),
        "Half of the queries of the last interval took no longer.",
        "From the start of the work to the answer.",
        alert=Alert.RISE,
    ),
    Metric(
        "query_time_p95",
        "ms",
        Kind.GAUGE,
        (Level.STORE,),
        Quantile(Side.SERVER, _query_time, 0.95),
        "95% of the queries of the last interval took no longer.",
        alert=Alert.RISE,
    ),
    Metric(
        "query_time_p99",
        "ms",
        Kind.GAUGE,
        (Level.STORE,),
        Quantile(Side.SERVER, _query_time, 0.99),
        "99% of the queries of the last interval took no longer.",
        alert=Alert.RISE,
    ),
    Metric(
        "connections_in_use",
        "connections",
        Kind.GAUGE,
        (Level.STORE,),
        Gauge(Level.CALLER, pool_in_use, Combine.SUM),
        "Connections of callers with a pool that are in use.",
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
        "Share of the lookups of the last interval that found something.",
        export_name="cache_hits",
        alert=Alert.EITHER,
    ),
)
