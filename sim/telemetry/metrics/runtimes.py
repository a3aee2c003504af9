"""Metrics of language runtimes: garbage collection, threads, event loops. Only of services with a `stack`."""

from __future__ import annotations

from meshquake.sim.engine.replica import Replica
from meshquake.sim.telemetry.hosts.threads import threads
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Growth, Restarting, Utilization
from meshquake.topology.runtimes import Runtime, runtime

_REPLICA = (Level.REPLICA,)
_WHERE = "Where the `stack` has a garbage collector."


def _runtime(replica: Replica) -> Runtime | None:
    spec = replica.service.spec
    return runtime(spec.stack, spec.system)


def _collector(replica: Replica) -> Runtime | None:
    found = _runtime(replica)
    return None if found is None or found.pause is None else found


def _collecting(replica: Replica, now: float) -> float | None:
    """Return the seconds so far for which collections stopped the process, including those caused by a fault."""
    if _collector(replica) is None:
        return None
    if replica.modifiers:
        replica.account(now)
    return replica.paused


def _collections(replica: Replica, now: float) -> float | None:
    return None if _collector(replica) is None else replica.collections()


def _heap(replica: Replica, now: float) -> float | None:
    return None if _collector(replica) is None else replica.heap()


def _lag(replica: Replica, now: float) -> float | None:
    """Return the integral of the wait for the loop (milliseconds) over the time so far (seconds)."""
    return None if replica.loop is None else 1000 * replica.loop.waited(now)


ROWS = (
    Metric(
        "gc_time",
        "%",
        Kind.GAUGE,
        _REPLICA,
        Utilization(Level.REPLICA, _collecting, Combine.MEAN, lambda replica: 1.0),
        "Share of the time in which the garbage collector paused the process.",
        _WHERE,
        alert=Alert.RISE,
    ),
    Metric(
        "gc_collections",
        "1/s",
        Kind.COUNTER,
        (Level.SERVICE,),
        Restarting(Level.REPLICA, _collections, Combine.SUM),
        "Garbage collections caused by requests, summed over replicas.",
        _WHERE,
        alert=Alert.RISE,
    ),
    Metric(
        "heap_used",
        "B",
        Kind.GAUGE,
        _REPLICA,
        Gauge(Level.REPLICA, _heap, Combine.SUM),
        "Bytes of heap in use, including garbage not yet collected.",
        _WHERE,
        alert=Alert.RISE,
    ),
    Metric(
        "threads",
        "threads",
        Kind.GAUGE,
        _REPLICA,
        Gauge(Level.REPLICA, threads, Combine.SUM),
        "Threads (for Go, running goroutines): those of the runtime, and one per request that holds a worker.",
        "Where the `stack` has a language, unless one thread runs all requests.",
        alert=Alert.RISE,
    ),
    Metric(
        "event_loop_lag",
        "ms",
        Kind.GAUGE,
        _REPLICA,
        Growth(Level.REPLICA, _lag, Combine.MEAN),
        "How long a timer or a new request waits for its turn on the event loop.",
        "Where the `stack` runs all requests on one thread. The mean over the interval: a wait for other work, for "
        "garbage collections, and for CPU quota.",
        alert=Alert.RISE,
    ),
)
