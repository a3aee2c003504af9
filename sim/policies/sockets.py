"""The connections of processes, as metrics count them and log lines report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.policies.pool import Pool

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica


def sockets(replica: Replica, now: float) -> float:
    """Return how many sockets a process has open: one for each end of a connection, and the one it listens on.

    A pool has the connections that it opened, spread evenly over the callee's processes. Without a pool, a caller keeps
    one connection to each of these once it has called it, and has another for each call under way.
    """
    if not replica.up:
        return 0.0
    out = sum([_towards(caller) for caller in replica.callers])
    return 1 + round(out + _come(replica, now))


def clients(replica: Replica, now: float) -> int:
    """Return how many connections others have to a process."""
    return round(_come(replica, now)) if replica.up else 0


def kept(replica: Replica) -> int:
    """Return how many idle connections a process has to its callees."""
    return round(sum([_towards(caller) - caller.under_way for caller in replica.callers]))


def pools_of(caller: CallerState) -> list[Pool]:
    """Return the pools of a caller's state."""
    return [each for each in caller.named("pool") if isinstance(each, Pool)]


def _come(replica: Replica, now: float) -> float:
    """Return the connections to a process: those of its callers, and of users."""
    service = replica.service
    among = sum([other.up for other in service.replicas])
    come, calls = 0.0, 0.0
    for edge in service.inbound:
        of_edge = _ends(edge, now)
        come += of_edge[0] / among
        calls += of_edge[1] / among
    # An abandoned call still has its connection, and so do users.
    return come + max(0.0, replica.calls - calls)


def _ends(edge: RuntimeEdge, now: float) -> tuple[float, float]:
    """Return the connections of all callers on an edge, and their calls under way; cached for the current time."""
    if edge.counted[0] != now:
        states = [caller.callers[edge.index] for caller in edge.caller.replicas if caller.up]
        edge.counted = now, float(sum(map(_towards, states))), float(sum([state.under_way for state in states]))
    return edge.counted[1:]


def _towards(caller: CallerState) -> float:
    """Return the connections that a process has to a callee."""
    pool = caller.policies.get("pool")
    if isinstance(pool, Pool):
        return pool.in_use + pool.idle
    if caller.parts and (pools := pools_of(caller)):
        return sum([each.in_use + each.idle for each in pools])
    return len(caller.edge.callee.ready) + caller.under_way if caller.edge.used else 0
