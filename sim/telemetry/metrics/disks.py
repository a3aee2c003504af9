"""Metrics of disks: what pods read and write, and how full their disks are."""

from __future__ import annotations

from meshquake.sim.telemetry.hosts.disks import SYSTEM
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import OfDisks

ROWS = (
    Metric(
        "disk_read",
        "B/s",
        Kind.COUNTER,
        (Level.REPLICA,),
        OfDisks(lambda disks: disks.read, a_second=True),
        "Bytes read from disk.",
        "For databases: pages that statements need and that are not in memory.",
        alert=Alert.NONE,
    ),
    Metric(
        "disk_written",
        "B/s",
        Kind.COUNTER,
        (Level.REPLICA,),
        OfDisks(lambda disks: disks.written, a_second=True),
        "Bytes written to disk.",
        "Log lines; for databases, also what statements write, and pages at checkpoints.",
        alert=Alert.NONE,
    ),
    Metric(
        "disk_usage",
        "%",
        Kind.GAUGE,
        (Level.REPLICA,),
        OfDisks(lambda disks: disks.used, a_second=False),
        "Share of the volume in use.",
        "For databases.",
        alert=Alert.RISE,
        of_pod=True,
    ),
    Metric(
        "node_disk_used",
        "B",
        Kind.GAUGE,
        (Level.NODE,),
        OfDisks(lambda disks: disks.logs, a_second=False, besides=SYSTEM),
        "Bytes in use on the node's own disk.",
        "Its pods' log files grow with their lines, and shrink when a file is rotated.",
        alert=Alert.RISE,
    ),
)
