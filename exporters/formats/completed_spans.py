"""The spans that a sample of a metric is about: those that ended in its interval. What is unfinished never ended.

A batch has spans by their start, so the last of them may end in intervals whose samples come later. It has all samples
of a moment, and with them, or before them, all spans that they are about.
"""

from __future__ import annotations

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.sim.records import TRACE, Batch
from meshquake.sim.telemetry.timestamps import length, microseconds


class CompletedSpans:
    """Holds back the spans of intervals that have no samples yet."""

    def __init__(self, context: Context) -> None:
        self._start = round(context.start.timestamp() * 1e6)
        self._interval_us = round(context.interval * 1e6)
        self._waiting = pl.DataFrame(schema={**TRACE.frame_schema, "at": pl.Int64})

    def take(self, batch: Batch) -> pl.DataFrame:
        """Take a batch; returns the spans that its samples are about.

        Returns
        -------
        frame
            Trace records in the order in which they came, with `at`, the time of the samples in microseconds since
            1970.
        """
        end = microseconds() + length()
        at = ((end - self._start) // self._interval_us + 1) * self._interval_us + self._start
        ended = batch.traces.filter(pl.col("error_type").ne_missing("unfinished"))
        waiting = pl.concat([self._waiting, ended.with_columns(at=at)])
        sampled = pl.col("at") <= batch.metrics.select(microseconds().max().fill_null(0)).item()
        self._waiting = waiting.filter(~sampled)
        return waiting.filter(sampled)
