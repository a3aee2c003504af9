"""What pods and edges put on the network, and the sockets and files that processes have open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.replica import Replica
from meshquake.sim.policies.pool import Pool
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Flow, Gauge, Side

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.telemetry.hosts.traffic import Traffic
    from meshquake.sim.telemetry.tables import Floats

#: Descriptors of a process that has no connection: standard streams, libraries, what it listens on and watches; of a
#: database its files besides.
_PROCESS, _FILES = 24, 120
_REPLICA = (Level.REPLICA,)


def sockets(replica: Replica, now: float) -> float:
    """The sockets that a process has open: each connection is one at both of its ends, and one it listens on.

    A pool has the connections that it opened, shared out evenly among the callee's processes. Without one a caller
    that calls it keeps a connection to each of these, and has another for each call under way.
    """
    if not replica.up:
        return 0.0
    service = replica.service
    out = sum([_towards(caller) for caller in replica.callers])
    among = sum([other.up for other in service.replicas])
    come, calls = 0.0, 0.0
    for edge in service.inbound:
        of_edge = _ends(edge, now)
        come += of_edge[0] / among
        calls += of_edge[1] / among
    # What nobody waits for any more still has its connection, and so do users.
    return 1 + round(out + come + max(0.0, replica.calls - calls))


def _ends(edge: RuntimeEdge, now: float) -> tuple[float, float]:
    """The connections of all callers on an edge, and their calls under way: counted once for all who ask now."""
    if edge.counted[0] != now:
        states = [caller.callers[edge.index] for caller in edge.caller.replicas if caller.up]
        edge.counted = now, float(sum(map(_towards, states))), float(sum([state.under_way for state in states]))
    return edge.counted[1:]


def _towards(caller: CallerState) -> float:
    """The connections that a process has to a callee."""
    pools = [each for each in caller.named("pool") if isinstance(each, Pool)]
    if pools:
        return sum([each.in_use + each.idle for each in pools])
    return len(caller.edge.callee.ready) + caller.under_way if caller.edge.used else 0


def _descriptors(replica: Replica, now: float) -> float:
    if not replica.up:
        return 0.0
    return _PROCESS + _FILES * (replica.service.spec.kind == "database") + sockets(replica, now)


def _sent(traffic: Traffic) -> Floats:
    return traffic.sent


def _received(traffic: Traffic) -> Floats:
    return traffic.received


def _again(traffic: Traffic) -> Floats:
    return traffic.again


ROWS = (
    Metric(
        "network_received",
        "B/s",
        Kind.COUNTER,
        _REPLICA,
        Flow(_received, (Side.SERVER, Side.CLIENT)),
        "Bytes received: requests to it, and answers to its calls.",
        "Of those whose spans ended in the interval.",
        alert=Alert.NONE,
        of_pod=True,
    ),
    Metric(
        "network_sent",
        "B/s",
        Kind.COUNTER,
        _REPLICA,
        Flow(_sent, (Side.SERVER, Side.CLIENT)),
        "Bytes sent: its answers, and the requests of its calls.",
        "Whatever one pod sends another one receives, but for what the network drops.",
        alert=Alert.NONE,
        of_pod=True,
    ),
    Metric(
        "network_retransmits",
        "1/s",
        Kind.COUNTER,
        (Level.EDGE,),
        Flow(_again, (Side.CLIENT,)),
        "TCP segments sent again, by either side.",
        "Of calls whose client spans ended in the interval.",
        alert=Alert.RISE,
    ),
    Metric(
        "open_sockets",
        "sockets",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.REPLICA, sockets, Combine.SUM),
        "Sockets open: both ends of connections, and one that each process listens on.",
        alert=Alert.RISE,
    ),
    Metric(
        "open_descriptors",
        "descriptors",
        Kind.GAUGE,
        _REPLICA,
        Gauge(Level.REPLICA, _descriptors, Combine.SUM),
        "File descriptors open, sockets among them.",
        alert=Alert.RISE,
    ),
)
