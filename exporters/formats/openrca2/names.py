"""What metrics are called in such a case: as the receivers of OpenTelemetry's collector call them, or in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshquake.exporters.formats.prometheus_names import families
from meshquake.sim.telemetry.metrics import METRICS, Kind, Metric
from meshquake.sim.telemetry.metrics.levels import Level

#: Metrics of ours that Kubernetes' receivers in the collector have with the same meaning and unit, by the family that
#: they are exported as (`exporters.formats.prometheus_names`).
KUBERNETES = {
    "mesh_replica_cpu_usage_ratio": "k8s.pod.cpu_limit_utilization",
    "mesh_replica_memory_usage_ratio": "k8s.pod.memory_limit_utilization",
    "mesh_replica_pod_restarts": "k8s.container.restarts",
    "mesh_replica_pod_ready": "k8s.container.ready",
    "mesh_service_replicas_desired": "k8s.deployment.desired",
    "mesh_service_replicas_ready": "k8s.deployment.available",
}
#: Of those, what is a count to us and a gauge to them.
GAUGES = ("k8s.container.restarts",)
#: What is in front of a family, of what it is.
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
    """What the samples of a family are called."""
    return KUBERNETES.get(family) or _LEVELS.sub(lambda found: f"mesh.{found[1].replace('_', '.')}.", family)


@dataclass(frozen=True)
class Known:
    """A metric of ours under a name of theirs.

    Attributes
    ----------
    metric
        The metric.
    divisor
        By what our values are divided there.
    counted
        Whether it is a rate that is counted up there, from the start of the recording.
    """

    metric: Metric
    divisor: float
    counted: bool


def known() -> Mapping[str, Known]:
    """The metrics of ours by the names that they have there."""
    of = families(METRICS)
    return {
        called: Known(metric, of[metric.name].divisor, metric.kind is Kind.COUNTER)
        for metric in METRICS.values()
        for level in metric.levels
        for called in [name(f"{_FRONT[level]}{of[metric.name].name}")]
    }
