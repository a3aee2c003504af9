"""Metrics of the network: traffic of pods and edges, and the sockets and files that processes have open."""

from __future__ import annotations

from meshquake.sim.engine.replica import Replica
from meshquake.sim.policies.sockets import sockets
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Flow, Gauge, Side

#: Descriptors of a process without connections (standard streams, libraries, listeners, watches), and the data files
#: that a database has open in addition.
_PROCESS, _FILES = 24, 120
_REPLICA = (Level.REPLICA,)


def _descriptors(replica: Replica, now: float) -> float:
    if not replica.runs:
        return 0.0
    return _PROCESS + _FILES * (replica.service.spec.kind == "database") + sockets(replica, now)


ROWS = (
    Metric(
        "network_received",
        "B/s",
        Kind.COUNTER,
        _REPLICA,
        Flow(lambda traffic: traffic.received, (Side.SERVER, Side.CLIENT)),
        "Bytes received: requests, and responses to its calls.",
        "Counts the messages of calls whose spans ended in the interval.",
        alert=Alert.NONE,
        of_pod=True,
    ),
    Metric(
        "network_sent",
        "B/s",
        Kind.COUNTER,
        _REPLICA,
        Flow(lambda traffic: traffic.sent, (Side.SERVER, Side.CLIENT)),
        "Bytes sent: responses, and requests of its calls.",
        "Whatever one pod sends, another receives, unless the network drops it.",
        alert=Alert.NONE,
        of_pod=True,
    ),
    Metric(
        "network_retransmits",
        "1/s",
        Kind.COUNTER,
        (Level.EDGE,),
        Flow(lambda traffic: traffic.again, (Side.CLIENT,)),
        "TCP segments retransmitted, by either side.",
        "Counts calls whose client spans ended in the interval.",
        alert=Alert.RISE,
    ),
    Metric(
        "open_sockets",
        "sockets",
        Kind.GAUGE,
        (Level.SERVICE,),
        Gauge(Level.REPLICA, sockets, Combine.SUM),
        "Open sockets: one for each end of a connection, and one listening socket per process.",
        alert=Alert.RISE,
    ),
    Metric(
        "open_descriptors",
        "descriptors",
        Kind.GAUGE,
        _REPLICA,
        Gauge(Level.REPLICA, _descriptors, Combine.SUM),
        "Open file descriptors, including sockets.",
        alert=Alert.RISE,
    ),
)
