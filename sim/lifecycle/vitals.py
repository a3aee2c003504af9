"""What a process knows about itself at any time, and may name in its log lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshquake.sim.policies.pool import Pool
from meshquake.sim.policies.sockets import clients, kept, pools_of
from meshquake.sim.telemetry.hosts.threads import threads
from meshquake.sim.telemetry.requests import operation_words

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica

_MIB = 2**20
#: Thresholds for reporting a blocked event loop (milliseconds) and short memory (percent of the limit).
_BLOCKED, _HIGH = 100.0, 85.0


def _pooled(replica: Replica) -> tuple[str, Pool] | None:
    """Return the callee and the pool that a process reports on: of its databases, if it calls any, or of all."""
    stores = [state for state in replica.callers if state.edge.callee.spec.kind == "database"]
    found = ((state.edge.spec.callee, pool) for state in stores or replica.callers for pool in pools_of(state))
    return next(found, None)


def _pool(read: Callable[[str, Pool], Any]) -> Callable[[Replica, float], Any]:
    """Return a reader of this pool."""

    def of(replica: Replica, now: float) -> Any:
        pooled = _pooled(replica)
        return None if pooled is None else read(*pooled)

    return of


def _if(value: float, least: float) -> int | None:
    """Return the rounded value if it is worth reporting, None if it is below `least`."""
    return round(value) if value >= least else None


#: Readers of values, by name. They take a replica and the time; None if the process lacks the value.
VITALS: dict[str, Callable[[Replica, float], Any]] = {
    "service": lambda replica, _: replica.service.spec.name,
    "replica": lambda replica, _: replica.name,
    "version": lambda replica, _: replica.version,
    "package": lambda replica, _: operation_words.snake(operation_words.subject(replica.service.spec.name)),
    "class_name": lambda replica, _: operation_words.pascal(replica.service.spec.name),
    "workers": lambda replica, _: replica.service.spec.workers,
    "busy": lambda replica, _: replica.active,
    "idle": lambda replica, _: replica.free,
    "queued": lambda replica, _: len(replica.queue),
    "limit": lambda replica, _: replica.service.spec.queue.limit,
    "in_flight": lambda replica, _: sum(state.of_all_parts for state in replica.callers),
    "threads": threads,
    "uptime_s": lambda replica, now: round(now - replica.born),
    "uptime_ms": lambda replica, now: round(1000 * (now - replica.born)),
    "startup_s": lambda replica, _: f"{replica.service.spec.startup:.3f}",
    "memory_mib": lambda replica, _: round(replica.memory() / _MIB),
    "memory_limit_mib": lambda replica, _: round(replica.service.spec.memory.limit / _MIB),
    "memory_percent": lambda replica, _: f"{100 * replica.memory() / replica.service.spec.memory.limit:.1f}",
    "connections": clients,
    # Of the connections to it, those on which no request is under way.
    "connections_idle": lambda replica, now: clients(replica, now) - replica.active,
    "kept": lambda replica, _: kept(replica),
    "loop_lag_ms": lambda replica, now: None if replica.loop is None else f"{1000 * replica.loop.lap(now):.2f}",
    "blocked_ms": lambda replica, now: None if replica.loop is None else _if(1000 * replica.loop.wait(now), _BLOCKED),
    "high_percent": lambda replica, _: _if(100 * replica.memory() / replica.service.spec.memory.limit, _HIGH),
    "pool_peer": _pool(lambda callee, pool: callee),
    # How many connections it may have, and how many it has: those in use and the idle ones.
    "pool_size": _pool(lambda callee, pool: pool.size),
    "pool_open": _pool(lambda callee, pool: pool.in_use + pool.idle),
    "pool_in_use": _pool(lambda callee, pool: pool.in_use),
    "pool_idle": _pool(lambda callee, pool: pool.idle),
    "pool_waiting": _pool(lambda callee, pool: pool.waiting),
}
