"""Names of metrics in a case: those of the OpenTelemetry collector's receivers where they exist, or our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshquake.exporters.formats.prometheus_names import families
from meshquake.sim.telemetry.metrics import METRICS, Kind, Metric
from meshquake.sim.telemetry.metrics.levels import Level

#: Metrics that the collector's Kubernetes receivers have with the same meaning and unit, by the family that ours are
#: exported as (`exporters.formats.prometheus_names`).
KUBERNETES = {
    "mesh_replica_cpu_usage_ratio": "k8s.pod.cpu_limit_utilization",
    "mesh_replica_memory_usage_ratio": "k8s.pod.memory_limit_utilization",
    "mesh_replica_pod_restarts": "k8s.container.restarts",
    "mesh_replica_pod_ready": "k8s.container.ready",
    "mesh_service_replicas_desired": "k8s.deployment.desired",
    "mesh_service_replicas_ready": "k8s.deployment.available",
}
#: Those of them that are counters here and gauges there.
GAUGES = ("k8s.container.restarts",)
#: The prefix of a family's name, by what its metric is of.
_FRONT = {
    Level.SERVICE: "mesh_service_",
    Level.STORE: "mesh_service_",
    Level.ENTRY: "mesh_service_",
    Level.REPLICA: "mesh_replica_",
    Level.EDGE: "mesh_edge_",
    Level.CALLER: "mesh_replica_edge_",
    Level.NODE: "mesh_",
}
_LEVELS = re.compile(r"^mesh_(replica_edge|service|replica|edge|node)_")


def name(family: str) -> str:
    """Return the name of a family's samples."""
    return KUBERNETES.get(family) or _LEVELS.sub(lambda found: f"mesh.{found[1].replace('_', '.')}.", family)


@dataclass(frozen=True)
class Known:
    """One of our metrics under its name in a case.

    Attributes
    ----------
    metric
        The metric.
    divisor
        The divisor from our values to those of the case.
    counted
        Whether our rate is a counter in the case, which counts from the start of the recording.
    """

    metric: Metric
    divisor: float
    counted: bool


def known() -> Mapping[str, Known]:
    """Return our metrics by their names in a case."""
    of = families(METRICS)
    return {
        called: Known(metric, of[metric.name].divisor, metric.kind is Kind.COUNTER)
        for metric in METRICS.values()
        for level in metric.levels
        for called in [name(f"{_FRONT[level]}{of[metric.name].name}")]
    }
