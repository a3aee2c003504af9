"""Metrics of pods and nodes, as an orchestrator reports them."""

from __future__ import annotations

from meshquake.sim.engine.replica import Replica
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Growth

_REPLICA, _NODE = (Level.REPLICA,), (Level.NODE,)


def _restarts(replica: Replica, now: float) -> float:
    return max(0, replica.restarts)


def _ready(replica: Replica, now: float) -> float:
    return replica.ready and replica.up


ROWS = (
    Metric(
        "pod_restarts",
        "restarts",
        Kind.TOTAL,
        _REPLICA,
        Gauge(Level.REPLICA, _restarts, Combine.SUM),
        "Restarts of the process since the recording began.",
        alert=Alert.RISE,
        of_pod=True,
    ),
    Metric(
        "pod_ready",
        "state",
        Kind.GAUGE,
        _REPLICA,
        Gauge(Level.REPLICA, _ready, Combine.SUM),
        "1 if the process runs and answers its probes, else 0.",
        alert=Alert.FALL,
        of_pod=True,
    ),
    Metric(
        "node_cpu",
        "cores",
        Kind.GAUGE,
        _NODE,
        Growth(Level.REPLICA, Replica.core_seconds, Combine.SUM),
        "Cores in use, summed over the node's pods.",
        "Averaged over the interval.",
        alert=Alert.RISE,
    ),
    Metric(
        "node_memory",
        "B",
        Kind.GAUGE,
        _NODE,
        Gauge(Level.REPLICA, lambda replica, now: replica.memory(), Combine.SUM),
        "Bytes of memory in use, summed over the node's pods.",
        alert=Alert.RISE,
    ),
    Metric(
        "node_pods",
        "pods",
        Kind.GAUGE,
        _NODE,
        Gauge(Level.REPLICA, lambda replica, now: 1.0, Combine.SUM),
        "Pods on the node.",
        alert=Alert.NONE,
    ),
)
