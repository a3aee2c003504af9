"""Metrics of callers: attempts at calls, and the state of their policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.policies.adaptive_concurrency import Controller
from meshquake.sim.policies.breaker import Breaker
from meshquake.sim.policies.client_throttle import Throttle
from meshquake.sim.policies.outlier import Detector
from meshquake.sim.policies.pool import Pool
from meshquake.sim.policies.retry_limit import RetryLimit
from meshquake.sim.policies.sockets import pools_of
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Rate, Side

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.topology.spec import Topology


def _breaker_state(caller: CallerState, now: float) -> float | None:
    breaker = caller.policies.get("breaker")
    return breaker.state if isinstance(breaker, Breaker) else None


def _retries_stopped(caller: CallerState, now: float) -> float | None:
    states = (caller, *caller.parts.values()) if caller.parts else (caller,)
    stopped = [limit.refusals.lasts for each in states for limit in each.limits if isinstance(limit, RetryLimit)]
    return float(max(stopped)) if stopped else None


def _refusing(caller: CallerState, now: float) -> float | None:
    throttle = caller.policies.get("throttle")
    return 100 * throttle.refusing(now) if isinstance(throttle, Throttle) else None


def _concurrency_limit(caller: CallerState, now: float) -> float | None:
    controller = caller.policies.get("adaptive_concurrency")
    return controller.limit if isinstance(controller, Controller) else None


def _hosts_ejected(caller: CallerState, now: float) -> float | None:
    detectors = [each for each in caller.named("outlier") if isinstance(each, Detector)]
    return sum(each.ejected for each in detectors) if detectors else None


def _hedging(topology: Topology) -> set[tuple[str, str]]:
    return {(edge.caller, edge.callee) for edge in topology.edges if edge.hedge is not None}


def pool_in_use(caller: CallerState, now: float) -> float | None:
    """Return how many connections of a caller's pools are in use; None if it has no pool."""
    pool = caller.policies.get("pool")
    if isinstance(pool, Pool):
        return pool.in_use
    pools = pools_of(caller) if caller.parts else ()
    return sum(each.in_use for each in pools) if pools else None


_BY_CALLER = (Level.EDGE, Level.CALLER)

ROWS = (
    Metric(
        "retry_rate",
        "1/s",
        Kind.COUNTER,
        (Level.EDGE,),
        Rate(Side.CLIENT, lambda spans: spans.retried),
        "Attempts after the first.",
        "Counted from client spans with `attempt` above 1, without hedges.",
        export_name="retries",
        alert=Alert.RISE,
    ),
    Metric(
        "hedge_rate",
        "1/s",
        Kind.COUNTER,
        (Level.EDGE,),
        Rate(Side.CLIENT, lambda spans: spans.hedged, of=_hedging),
        "Attempts after the first that were hedges.",
        "For edges with `hedge`. Counted from client spans with `attempt` above 1.",
        export_name="hedges",
        alert=Alert.RISE,
    ),
    Metric(
        "timeout_rate",
        "1/s",
        Kind.COUNTER,
        (Level.EDGE,),
        Rate(Side.CLIENT, lambda spans: spans.timed_out),
        "Attempts that timed out at the caller.",
        "Counted from client spans with `error_type` timeout.",
        export_name="timeouts",
        alert=Alert.RISE,
    ),
    Metric(
        "circuit_breaker_state",
        "state",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, _breaker_state, Combine.HIGHEST),
        "0 closed, 1 half open, 2 open.",
        alert=Alert.RISE,
    ),
    Metric(
        "pool_in_use",
        "connections",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, pool_in_use, Combine.SUM),
        "Connections in use in the caller's pool.",
        export_name="pool_connections_in_use",
        alert=Alert.RISE,
    ),
    Metric(
        "retries_stopped",
        "state",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, _retries_stopped, Combine.HIGHEST),
        "1 while a retry limit refuses retries, else 0.",
        "Stays 1 until ten seconds pass without a refusal. For callers whose `retry` has `tokens`, a `bucket`, a "
        "`breaker` or `concurrent`.",
        alert=Alert.RISE,
    ),
    Metric(
        "calls_throttled",
        "%",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, _refusing, Combine.HIGHEST),
        "Share of calls that the caller's client-side throttling refuses to send.",
        alert=Alert.RISE,
    ),
    Metric(
        "concurrency_limit",
        "requests",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, _concurrency_limit, Combine.SUM),
        "Concurrent calls that adaptive concurrency allows.",
        alert=Alert.FALL,
    ),
    Metric(
        "hosts_ejected",
        "replicas",
        Kind.GAUGE,
        _BY_CALLER,
        Gauge(Level.CALLER, _hosts_ejected, Combine.HIGHEST),
        "Replicas of the callee that the caller has ejected as outliers.",
        alert=Alert.RISE,
    ),
)
