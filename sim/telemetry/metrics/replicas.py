"""Metrics of replicas: cores, memory, workers and queues; and how many replicas there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.replica import Replica
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import OWN, Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Utilization

if TYPE_CHECKING:
    from meshquake.sim.engine.service import Service


def _memory(replica: Replica, now: float) -> float:
    return 100 * replica.memory() / replica.service.spec.memory.limit


def _desired(service: Service, now: float) -> float | None:
    return service.desired if service.spec.autoscaled else None


def _ready(service: Service, now: float) -> float | None:
    return len(service.ready) if service.spec.autoscaled else None


def _canary_share(service: Service, now: float) -> float | None:
    share = service.canary_share
    return None if share is None else 100 * share


ROWS = (
    Metric(
        "cpu_usage",
        "%",
        Kind.GAUGE,
        OWN,
        Utilization(Level.REPLICA, Replica.core_seconds, Combine.MEAN, lambda replica: replica.service.spec.cores),
        "Share of the cores in use.",
        "Includes other processes on those cores.",
        alert=Alert.RISE,
        of_container=True,
    ),
    Metric(
        "cpu_throttled",
        "%",
        Kind.GAUGE,
        OWN,
        Utilization(Level.REPLICA, lambda replica, now: replica.throttled_time(now), Combine.MEAN, lambda replica: 1.0),
        "Share of the time in which work was stopped because the CPU quota was used up.",
        "Only where cores have a quota.",
        alert=Alert.RISE,
        of_container=True,
    ),
    Metric(
        "memory_usage",
        "%",
        Kind.GAUGE,
        OWN,
        Gauge(Level.REPLICA, _memory, Combine.MEAN),
        "Memory in use, as a share of the limit.",
        alert=Alert.RISE,
        of_container=True,
    ),
    Metric(
        "active_requests",
        "requests",
        Kind.GAUGE,
        OWN,
        Gauge(Level.REPLICA, lambda replica, now: replica.active, Combine.SUM),
        "Requests that hold a worker.",
        alert=Alert.RISE,
    ),
    Metric(
        "queue_depth",
        "requests",
        Kind.GAUGE,
        OWN,
        Gauge(Level.REPLICA, lambda replica, now: len(replica.queue), Combine.SUM),
        "Requests waiting for a worker.",
        alert=Alert.RISE,
    ),
    Metric(
        "worker_utilization",
        "%",
        Kind.GAUGE,
        OWN,
        Utilization(Level.REPLICA, Replica.busy_time, Combine.MEAN, lambda replica: replica.service.spec.workers),
        "Share of the workers held by requests.",
        "Includes workers that wait for other services.",
        alert=Alert.RISE,
    ),
    Metric(
        "replicas_desired",
        "replicas",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _desired, Combine.SUM),
        "Replicas that the autoscaler asks for.",
        "For services that have one.",
        alert=Alert.RISE,
    ),
    Metric(
        "canary_share",
        "%",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _canary_share, Combine.SUM),
        "Share of requests that go to the canary.",
        "Only during a stepwise rollout.",
        alert=Alert.RISE,
    ),
    Metric(
        "replicas_ready",
        "replicas",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _ready, Combine.SUM),
        "Replicas that receive calls.",
        "For services that have an autoscaler.",
        alert=Alert.EITHER,
    ),
)
