"""The spans that metric samples cover: those that ended in a sample's interval. Unfinished spans never end.

Batches order spans by their start, so the last of them may end in intervals whose samples come in later batches. All
samples of a moment are in the same batch, and the spans that they cover are in the same or an earlier one.
"""

from __future__ import annotations

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.sim.records import TRACE, Batch
from meshquake.sim.telemetry.timestamps import length, microseconds


class CompletedSpans:
    """Holds back spans until the samples of their intervals arrive."""

    def __init__(self, context: Context) -> None:
        self._start = round(context.start.timestamp() * 1e6)
        self._interval_us = round(context.interval * 1e6)
        self._waiting = pl.DataFrame(schema={**TRACE.frame_schema, "at": pl.Int64})

    def take(self, batch: Batch) -> pl.DataFrame:
        """Take a batch; returns the spans that its samples cover.

        Returns
        -------
        frame
            Trace records in order of arrival, with `at`, the time of the samples in microseconds since 1970.
        """
        end = microseconds() + length()
        at = ((end - self._start) // self._interval_us + 1) * self._interval_us + self._start
        ended = batch.traces.filter(pl.col("error_type").ne_missing("unfinished"))
        waiting = pl.concat([self._waiting, ended.with_columns(at=at)])
        sampled = pl.col("at") <= batch.metrics.select(microseconds().max().fill_null(0)).item()
        self._waiting = waiting.filter(~sampled)
        return waiting.filter(sampled)
