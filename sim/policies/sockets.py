"""The connections of processes, as metrics count them and as processes speak of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.policies.pool import Pool

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica


def sockets(replica: Replica, now: float) -> float:
    """The sockets that a process has open: each connection is one at both of its ends, and one it listens on.

    A pool has the connections that it opened, shared out evenly among the callee's processes. Without one a caller
    that calls it keeps a connection to each of these, and has another for each call under way.
    """
    if not replica.up:
        return 0.0
    out = sum([_towards(caller) for caller in replica.callers])
    return 1 + round(out + _come(replica, now))


def clients(replica: Replica, now: float) -> int:
    """The connections that others have to a process."""
    return round(_come(replica, now)) if replica.up else 0


def kept(replica: Replica) -> int:
    """The connections of a process to those that it calls on which no call is under way."""
    return round(sum([_towards(caller) - caller.under_way for caller in replica.callers]))


def pools_of(caller: CallerState) -> list[Pool]:
    """The pools of a caller's state."""
    return [each for each in caller.named("pool") if isinstance(each, Pool)]


def _come(replica: Replica, now: float) -> float:
    """The connections to a process: of those who call it, and of users."""
    service = replica.service
    among = sum([other.up for other in service.replicas])
    come, calls = 0.0, 0.0
    for edge in service.inbound:
        of_edge = _ends(edge, now)
        come += of_edge[0] / among
        calls += of_edge[1] / among
    # What nobody waits for any more still has its connection, and so do users.
    return come + max(0.0, replica.calls - calls)


def _ends(edge: RuntimeEdge, now: float) -> tuple[float, float]:
    """The connections of all callers on an edge, and their calls under way: counted once for all who ask now."""
    if edge.counted[0] != now:
        states = [caller.callers[edge.index] for caller in edge.caller.replicas if caller.up]
        edge.counted = now, float(sum(map(_towards, states))), float(sum([state.under_way for state in states]))
    return edge.counted[1:]


def _towards(caller: CallerState) -> float:
    """The connections that a process has to a callee."""
    pool = caller.policies.get("pool")
    if isinstance(pool, Pool):
        return pool.in_use + pool.idle
    if caller.parts and (pools := pools_of(caller)):
        return sum([each.in_use + each.idle for each in pools])
    return len(caller.edge.callee.ready) + caller.under_way if caller.edge.used else 0
