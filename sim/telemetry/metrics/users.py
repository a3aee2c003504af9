"""Metrics of users who wait for their answers."""

from __future__ import annotations

from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric import Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Rate, Side

ROWS = (
    Metric(
        "goodput",
        "1/s",
        Kind.COUNTER,
        (Level.ENTRY,),
        Rate(Side.SERVER, lambda spans: spans.awaited & ~spans.failed & ~spans.abandoned),
        "Requests answered successfully while their users still waited.",
        "For users whose next step depends on the answer.",
        alert=Alert.FALL,
    ),
    Metric(
        "abandonment_rate",
        "1/s",
        Kind.COUNTER,
        (Level.ENTRY,),
        Rate(Side.SERVER, lambda spans: spans.abandoned),
        "Requests whose users left before the answer.",
        "Counted when the server finishes them; the server does not know that the users left.",
        export_name="abandoned_requests",
        alert=Alert.RISE,
    ),
)
