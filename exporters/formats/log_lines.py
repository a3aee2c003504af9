"""Log lines merged with events, for formats that have no events of their own."""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import LOG, Batch
from meshquake.sim.telemetry.logs.form import LEVELS, SEVERITIES

_LEVELS = dict(zip(SEVERITIES, LEVELS[1:], strict=True))


def lines(batch: Batch) -> pl.DataFrame:
    """Return a batch's logs and events in order of time as log records; the message of an event is its sentence.

    The column `event` tells events apart, since a service may have a logger of the same name as that of events.
    """
    events = batch.events.select(
        "timestamp",
        "service",
        pl.col("severity").replace_strict(_LEVELS).alias("level"),
        pl.col("details").alias("message"),
        pl.lit(None, pl.String).alias("trace_id"),
        pl.lit(None, pl.String).alias("span_id"),
        pl.lit("events").alias("logger"),
        "replica",
        event=True,
    )
    logs = batch.logs.select(*LOG.names, event=False)
    return pl.concat([logs, events]).sort("timestamp", maintain_order=True)
