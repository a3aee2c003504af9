"""The catalogue of metrics, a row each: what it is, of what, where it comes from, how it is exported and watched.

Everything that samples, exports, documents or watches metrics derives from `METRICS`: a new one is a row here, and
`python -m meshquake.docs.renew`. The order of the rows is that of their samples in an interval, within a level.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, Flag
from typing import TYPE_CHECKING

from meshquake.sim.engine.replica import Replica
from meshquake.sim.policies.adaptive_concurrency import Controller
from meshquake.sim.policies.breaker import Breaker
from meshquake.sim.policies.client_throttle import Throttle
from meshquake.sim.policies.outlier import Detector
from meshquake.sim.policies.pool import Pool
from meshquake.sim.policies.retry_limit import RetryLimit
from meshquake.sim.telemetry.levels import Level
from meshquake.sim.telemetry.sources import (
    Combine,
    Derived,
    Floats,
    Gauge,
    Growth,
    Quantile,
    Rate,
    Read,
    Share,
    Side,
    Source,
    Utilization,
)

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.service import Service
    from meshquake.sim.telemetry.spans import Spans
    from meshquake.topology.spec import Topology


class Kind(Enum):
    """What a metric is exported as. A rate becomes the count that it is the rate of."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Alert(Flag):
    """In which direction a metric of a root, or of calls to it, should raise an alert when it leaves what is usual.

    Whatever a fault really moved, in whichever direction, an alert on it is no false alarm.
    """

    NONE = 0
    RISE = 1
    FALL = 2
    EITHER = RISE | FALL


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name, unit
        As in its records.
    kind
        What it is exported as.
    levels
        What it is of.
    source
        Where its values come from.
    help
        What it is, in a sentence that is exported with it.
    detail
        What the documentation says besides.
    export_name
        What exported names are made of; the name, if that is empty.
    share_of
        Of a share that is exported as a count: the rate of which it is a share.
    alert
        In which direction it should raise an alert when it leaves what is usual; every row says it.
    is_symptom
        Whether a service is said to be affected by a fault when it rises.
    measured
        What it is called in the catalogue, if a file calls it otherwise.
    scale
        By what its values are multiplied, if a file wants them in another unit.
    whole_name
        Its whole name in Prometheus and OpenTelemetry, if a file says one.
    """

    name: str
    unit: str
    kind: Kind
    levels: tuple[Level, ...]
    source: Source
    help: str
    detail: str = ""
    export_name: str = ""
    share_of: str = ""
    alert: Alert = field(kw_only=True)
    is_symptom: bool = False
    measured: str = field(default="", kw_only=True)
    scale: float = field(default=1.0, kw_only=True)
    whole_name: str = field(default="", kw_only=True)

    @property
    def exported(self) -> str:
        """What exported names are made of: the name in OTLP, and in Prometheus with its unit after it."""
        return self.export_name or self.name

    @property
    def origin(self) -> str:
        """What it is called where no file calls it otherwise."""
        return self.measured or self.name

    @property
    def origins(self) -> tuple[str, ...]:
        """The metrics of the catalogue that it tells of: itself, or those that it is made of."""
        return self.source.expression.names if isinstance(self.source, Derived) else (self.origin,)

    @property
    def is_precise(self) -> bool:
        """Whether its values may have more decimals than the three of what is measured."""
        return self.scale != 1.0 or isinstance(self.source, Derived)

    @property
    def reads(self) -> dict[str, Read]:
        """What must be read on the way for it, by the name in the catalogue."""
        sources = self.source.sources if isinstance(self.source, Derived) else {self.origin: self.source}
        return {name: source for name, source in sources.items() if isinstance(source, Read)}

    @property
    def meaning(self) -> str:
        """All that there is to say of it, in sentences."""
        said = [self.help, self.detail]
        if isinstance(self.source, Read) and len(self.levels) > 1:
            said.append(self.source.combine.value)
        return " ".join(filter(None, said))


# -- readings: each of a thing at a simulated time in seconds ---------------------------------------------------------


def _throttled(replica: Replica, now: float) -> float | None:
    return replica.throttled_time(now)


def _memory(replica: Replica, now: float) -> float:
    return 100 * replica.memory() / replica.service.spec.memory.limit


def _active(replica: Replica, now: float) -> float:
    return replica.active


def _queued(replica: Replica, now: float) -> float:
    return len(replica.queue)


def _desired(service: Service, now: float) -> float | None:
    return service.desired if service.spec.autoscaled else None


def _ready(service: Service, now: float) -> float | None:
    return len(service.ready) if service.spec.autoscaled else None


def _canary_share(service: Service, now: float) -> float | None:
    share = service.canary_share
    return None if share is None else 100 * share


def _shed(replica: Replica, now: float) -> float | None:
    return replica.shed if replica.service.spec.queue.discipline in ("codel", "priority") else None


def _breaker_state(caller: CallerState, now: float) -> float | None:
    breaker = caller.policies.get("breaker")
    return breaker.state if isinstance(breaker, Breaker) else None


def _retries_stopped(caller: CallerState, now: float) -> float | None:
    limits = [limit for _, _, limit in caller.every() if isinstance(limit, RetryLimit)]
    return max(float(limit.refusals.lasts) for limit in limits) if limits else None


def _refusing(caller: CallerState, now: float) -> float | None:
    throttle = caller.policies.get("throttle")
    return 100 * throttle.refusing(now) if isinstance(throttle, Throttle) else None


def _concurrency_limit(caller: CallerState, now: float) -> float | None:
    controller = caller.policies.get("adaptive_concurrency")
    return controller.limit if isinstance(controller, Controller) else None


def _hosts_ejected(caller: CallerState, now: float) -> float | None:
    detectors = [each for each in caller.named("outlier") if isinstance(each, Detector)]
    return sum(each.ejected for each in detectors) if detectors else None


def _pool_in_use(caller: CallerState, now: float) -> float | None:
    pools = [each for each in caller.named("pool") if isinstance(each, Pool)]
    return sum(each.in_use for each in pools) if pools else None


def _pool_opened(edge: RuntimeEdge, now: float) -> float | None:
    return edge.opened if edge.spec.pool else None


def _told_of_cancelling(topology: Topology) -> set[tuple[str, None]]:
    return {(edge.callee, None) for edge in topology.edges if edge.cancellation}


def _limiting(topology: Topology) -> set[tuple[str, None]]:
    return {(service.name, None) for service in topology.services if service.rate_limit is not None}


def _hedging(topology: Topology) -> set[tuple[str, str]]:
    return {(edge.caller, edge.callee) for edge in topology.edges if edge.hedge is not None}


def _latency(spans: Spans) -> Floats:
    return spans.duration_ms


def _query_time(spans: Spans) -> Floats:
    return spans.worked_ms


# -- the rows ---------------------------------------------------------------------------------------------------------

_OWN = (Level.SERVICE, Level.REPLICA)
_STORE = (Level.STORE,)
_EDGE = (Level.EDGE,)
_ENTRY = (Level.ENTRY,)
_CALLER = (Level.EDGE, Level.CALLER)

_ROWS = (
    Metric(
        "cpu_usage",
        "%",
        Kind.GAUGE,
        _OWN,
        Utilization(Level.REPLICA, Replica.core_seconds, Combine.MEAN, lambda replica: replica.service.spec.cores),
        "Share of its cores in use.",
        "Other processes on them are included.",
        alert=Alert.RISE,
    ),
    Metric(
        "cpu_throttled",
        "%",
        Kind.GAUGE,
        _OWN,
        Utilization(Level.REPLICA, _throttled, Combine.MEAN, lambda replica: 1.0),
        "Share of the time in which work stood still because its quota of CPU was used up.",
        "Only where cores have a quota.",
        alert=Alert.RISE,
    ),
    Metric(
        "memory_usage",
        "%",
        Kind.GAUGE,
        _OWN,
        Gauge(Level.REPLICA, _memory, Combine.MEAN),
        "Memory in use, of the limit.",
        alert=Alert.RISE,
    ),
    Metric(
        "active_requests",
        "requests",
        Kind.GAUGE,
        _OWN,
        Gauge(Level.REPLICA, _active, Combine.SUM),
        "Requests that hold a worker.",
        alert=Alert.RISE,
    ),
    Metric(
        "queue_depth",
        "requests",
        Kind.GAUGE,
        _OWN,
        Gauge(Level.REPLICA, _queued, Combine.SUM),
        "Requests that wait for a worker.",
        alert=Alert.RISE,
    ),
    Metric(
        "worker_utilization",
        "%",
        Kind.GAUGE,
        _OWN,
        Utilization(Level.REPLICA, Replica.busy_time, Combine.MEAN, lambda replica: replica.service.spec.workers),
        "Share of the workers that are held.",
        "Including while they wait for other services.",
        alert=Alert.RISE,
    ),
    Metric(
        "replicas_desired",
        "replicas",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _desired, Combine.SUM),
        "Replicas that the autoscaler asks for.",
        "Of services that have one.",
        alert=Alert.RISE,
    ),
    Metric(
        "canary_share",
        "%",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _canary_share, Combine.SUM),
        "Share of its requests that a canary gets.",
        "While a rollout by steps is under way.",
        alert=Alert.RISE,
    ),
    Metric(
        "replicas_ready",
        "replicas",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.SERVICE, _ready, Combine.SUM),
        "Replicas that get calls.",
        "Of services that have an autoscaler.",
        alert=Alert.EITHER,
    ),
    Metric(
        "request_rate",
        "1/s",
        Kind.COUNTER,
        _OWN,
        Rate(Side.SERVER),
        "Requests handled or turned away.",
        "Counted from its server spans.",
        export_name="requests",
        alert=Alert.EITHER,
    ),
    Metric(
        "error_rate",
        "%",
        Kind.COUNTER,
        _OWN,
        Share(Side.SERVER, lambda spans: spans.at_fault, empty=0.0),
        "Requests that failed.",
        "As a share of all its requests; 0 if there were none. Those that it was told to drop (499) and those of which "
        "there were too many (429) are no errors of its own.",
        export_name="errors",
        share_of="request_rate",
        alert=Alert.RISE,
        is_symptom=True,
    ),
    Metric(
        "cancelled_rate",
        "1/s",
        Kind.COUNTER,
        _OWN,
        Rate(Side.SERVER, lambda spans: spans.cancelled, of=_told_of_cancelling),
        "Requests that it stopped working on because nobody waited for them.",
        "Of services whose callers tell them (`cancellation`).",
        export_name="cancelled",
        alert=Alert.RISE,
    ),
    Metric(
        "rate_limited_rate",
        "1/s",
        Kind.COUNTER,
        _OWN,
        Rate(Side.SERVER, lambda spans: spans.rate_limited, of=_limiting),
        "Requests turned away by a rate limit.",
        "Of services that have one.",
        export_name="rate_limited",
        alert=Alert.RISE,
    ),
    Metric(
        "shed_rate",
        "1/s",
        Kind.COUNTER,
        _OWN,
        Growth(Level.REPLICA, _shed, Combine.SUM),
        "Requests that waited and were turned away after all.",
        "Only of services whose queue sheds by age (`codel`) or by criticality (`priority`).",
        export_name="shed",
        alert=Alert.RISE,
    ),
    Metric(
        "latency_p50",
        "ms",
        Kind.GAUGE,
        _OWN,
        Quantile(Side.SERVER, _latency, 0.50),
        "Half of the requests of the last interval took no longer.",
        "From arrival to answer.",
        alert=Alert.RISE,
    ),
    Metric(
        "latency_p95",
        "ms",
        Kind.GAUGE,
        _OWN,
        Quantile(Side.SERVER, _latency, 0.95),
        "95% of the requests of the last interval took no longer.",
        alert=Alert.RISE,
        is_symptom=True,
    ),
    Metric(
        "latency_p99",
        "ms",
        Kind.GAUGE,
        _OWN,
        Quantile(Side.SERVER, _latency, 0.99),
        "99% of the requests of the last interval took no longer.",
        alert=Alert.RISE,
    ),
    Metric(
        "query_time_p50",
        "ms",
        Kind.GAUGE,
        _STORE,
        Quantile(Side.SERVER, _query_time, 0.50),
        "Half of the queries of the last interval took no longer.",
        "From the start of the work to the answer.",
        alert=Alert.RISE,
    ),
    Metric(
        "query_time_p95",
        "ms",
        Kind.GAUGE,
        _STORE,
        Quantile(Side.SERVER, _query_time, 0.95),
        "95% of the queries of the last interval took no longer.",
        alert=Alert.RISE,
    ),
    Metric(
        "query_time_p99",
        "ms",
        Kind.GAUGE,
        _STORE,
        Quantile(Side.SERVER, _query_time, 0.99),
        "99% of the queries of the last interval took no longer.",
        alert=Alert.RISE,
    ),
    Metric(
        "connections_in_use",
        "connections",
        Kind.GAUGE,
        _STORE,
        Gauge(Level.CALLER, _pool_in_use, Combine.SUM),
        "Connections of callers with a pool that are in use.",
        alert=Alert.RISE,
    ),
    Metric(
        "connections_opened",
        "1/s",
        Kind.COUNTER,
        _STORE,
        Growth(Level.EDGE, _pool_opened, Combine.SUM),
        "Connections opened by callers with a pool.",
        alert=Alert.RISE,
    ),
    Metric(
        "cache_hit_rate",
        "%",
        Kind.GAUGE,
        _STORE,
        Share(Side.CLIENT, lambda spans: spans.hit, among=lambda spans: spans.hit | spans.missed),
        "Share of the lookups of the last interval that found something.",
        export_name="cache_hits",
        alert=Alert.EITHER,
    ),
    Metric(
        "retry_rate",
        "1/s",
        Kind.COUNTER,
        _EDGE,
        Rate(Side.CLIENT, lambda spans: spans.retried),
        "Attempts after the first.",
        "Counted from client spans with `attempt` above 1. Hedges are not among them.",
        export_name="retries",
        alert=Alert.RISE,
    ),
    Metric(
        "hedge_rate",
        "1/s",
        Kind.COUNTER,
        _EDGE,
        Rate(Side.CLIENT, lambda spans: spans.hedged, of=_hedging),
        "Attempts that hedging made after the first.",
        "Of edges that hedge (`hedge`); counted from client spans with `attempt` above 1.",
        export_name="hedges",
        alert=Alert.RISE,
    ),
    Metric(
        "timeout_rate",
        "1/s",
        Kind.COUNTER,
        _EDGE,
        Rate(Side.CLIENT, lambda spans: spans.timed_out),
        "Attempts that the caller gave up on.",
        "Counted from client spans with `error_type` timeout.",
        export_name="timeouts",
        alert=Alert.RISE,
    ),
    Metric(
        "circuit_breaker_state",
        "state",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _breaker_state, Combine.HIGHEST),
        "0 closed, 1 half open, 2 open.",
        alert=Alert.RISE,
    ),
    Metric(
        "pool_in_use",
        "connections",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _pool_in_use, Combine.SUM),
        "Connections of the caller's pool that are in use.",
        export_name="pool_connections_in_use",
        alert=Alert.RISE,
    ),
    Metric(
        "retries_stopped",
        "state",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _retries_stopped, Combine.HIGHEST),
        "1 while a limit refuses retries, else 0.",
        "From the first that it refuses until it has refused none for ten seconds. Of callers whose `retry` has "
        "`tokens`, a `bucket`, a `breaker` or `concurrent`.",
        alert=Alert.RISE,
    ),
    Metric(
        "calls_throttled",
        "%",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _refusing, Combine.HIGHEST),
        "Share of its calls that a caller refuses by client-side throttling.",
        alert=Alert.RISE,
    ),
    Metric(
        "concurrency_limit",
        "requests",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _concurrency_limit, Combine.SUM),
        "Concurrent calls that adaptive concurrency allows.",
        alert=Alert.FALL,
    ),
    Metric(
        "hosts_ejected",
        "replicas",
        Kind.GAUGE,
        _CALLER,
        Gauge(Level.CALLER, _hosts_ejected, Combine.HIGHEST),
        "Replicas of the callee that the caller has ejected as outliers.",
        alert=Alert.RISE,
    ),
    Metric(
        "goodput",
        "1/s",
        Kind.COUNTER,
        _ENTRY,
        Rate(Side.SERVER, lambda spans: spans.awaited & ~spans.failed & ~spans.abandoned),
        "Requests that were answered well while their users waited.",
        "Of users who do next what depends on their answers.",
        alert=Alert.FALL,
    ),
    Metric(
        "abandonment_rate",
        "1/s",
        Kind.COUNTER,
        _ENTRY,
        Rate(Side.SERVER, lambda spans: spans.abandoned),
        "Requests whose users didn't wait for the answers.",
        "Counted when the server is done with them, of which it knows nothing.",
        export_name="abandoned_requests",
        alert=Alert.RISE,
    ),
)

#: The metrics by name.
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}


def signal(metric: str) -> str:
    """What a metric is about, whichever percentile of it is watched: `latency` for `latency_p95`."""
    return re.sub(r"_p\d+$", "", metric)
