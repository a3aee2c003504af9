"""Metrics of the requests to a service: their outcomes and latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.replica import Replica
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import OWN, Alert, Kind, Metric, percentiles
from meshquake.sim.telemetry.metrics.sources import Combine, Growth, Rate, Share, Side

if TYPE_CHECKING:
    from meshquake.topology.spec import Topology


def _shed(replica: Replica, now: float) -> float | None:
    return replica.shed if replica.service.spec.queue.discipline in ("codel", "priority") else None


def _told_of_cancelling(topology: Topology) -> set[tuple[str, None]]:
    return {(edge.callee, None) for edge in topology.edges if edge.cancellation}


def _limiting(topology: Topology) -> set[tuple[str, None]]:
    return {(service.name, None) for service in topology.services if service.rate_limit is not None}


ROWS = (
    Metric(
        "request_rate",
        "1/s",
        Kind.COUNTER,
        OWN,
        Rate(Side.SERVER),
        "Requests handled or turned away.",
        "Counted from server spans.",
        export_name="requests",
        alert=Alert.EITHER,
    ),
    Metric(
        "error_rate",
        "%",
        Kind.COUNTER,
        OWN,
        Share(Side.SERVER, lambda spans: spans.at_fault, empty=0.0),
        "Requests that failed.",
        "As a share of all requests; 0 if there were none. Cancelled (499) and rate-limited (429) requests do not "
        "count as errors.",
        export_name="errors",
        share_of="request_rate",
        alert=Alert.RISE,
        is_symptom=True,
    ),
    Metric(
        "cancelled_rate",
        "1/s",
        Kind.COUNTER,
        OWN,
        Rate(Side.SERVER, lambda spans: spans.cancelled, of=_told_of_cancelling),
        "Requests cancelled because nobody was waiting for the answer any more.",
        "For services that callers tell when they give up (`cancellation`).",
        export_name="cancelled",
        alert=Alert.RISE,
    ),
    Metric(
        "rate_limited_rate",
        "1/s",
        Kind.COUNTER,
        OWN,
        Rate(Side.SERVER, lambda spans: spans.rate_limited, of=_limiting),
        "Requests turned away by a rate limit.",
        "For services that have one.",
        export_name="rate_limited",
        alert=Alert.RISE,
    ),
    Metric(
        "shed_rate",
        "1/s",
        Kind.COUNTER,
        OWN,
        Growth(Level.REPLICA, _shed, Combine.SUM),
        "Requests turned away after waiting in the queue.",
        "Only for services whose queue sheds by age (`codel`) or by criticality (`priority`).",
        export_name="shed",
        alert=Alert.RISE,
    ),
    *percentiles("latency", "requests", lambda spans: spans.duration_ms, OWN, "From arrival to answer.", symptom=95),
)
