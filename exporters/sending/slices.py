"""Slices of a recording, in order of time, for sending one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import polars as pl

from meshquake.exporters.fixtures.timeline import stamp
from meshquake.sim.records import RECORD_KINDS, Batch
from meshquake.sim.telemetry.timestamps import microseconds


def slices(batches: Iterable[Batch], start: datetime, length: float) -> Iterator[Batch]:
    """Cut batches at every multiple of `length` since `start`; slices without records are left out.

    Parameters
    ----------
    batches
        Batches in order of time.
    start
        Start of the recording.
    length
        Length of a slice in seconds.
    """
    for batch in batches:
        while any(len(batch.frame(kind)) for kind in RECORD_KINDS):
            first = min(batch.frame(kind)["timestamp"][0] for kind in RECORD_KINDS if len(batch.frame(kind)))
            number = int((datetime.fromisoformat(first) - start).total_seconds() // length) + 1
            end = stamp(start + timedelta(seconds=number * length)).decode()
            counts = {kind: batch.frame(kind)["timestamp"].search_sorted(end, side="left") for kind in RECORD_KINDS}
            yield Batch(**{kind: batch.frame(kind)[: counts[kind]] for kind in RECORD_KINDS}, clock=number * length)
            batch = Batch(**{kind: batch.frame(kind)[counts[kind] :] for kind in RECORD_KINDS}, clock=batch.clock)


def shifted(batch: Batch, by: timedelta) -> Batch:
    """Shift all times of a batch; the same batch if the shift is zero."""
    if not by:
        return batch
    later = (microseconds() + by // timedelta(microseconds=1)).cast(pl.Datetime("us"))
    text = later.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").alias("timestamp")
    return Batch(**{kind: batch.frame(kind).with_columns(text) for kind in RECORD_KINDS}, clock=batch.clock)
