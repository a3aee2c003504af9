"""Log lines with the events among them, for formats that have no place for events of their own."""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import LOG, Batch
from meshquake.sim.telemetry.logs.catalogue import LEVELS, SEVERITIES

_LEVELS = dict(zip(SEVERITIES, LEVELS[1:], strict=True))


def lines(batch: Batch) -> pl.DataFrame:
    """The logs of a batch and its events, each a line that says its sentence, in order of time, as log records.

    Which are events is in a column `event`: a service may have a logger that is called as that of events is.
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
