"""Moments of records, read from their text and written column by column."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.telemetry.texts import of_one_length

_EPOCH, _ZONE = datetime(1970, 1, 1), np.frombuffer(b"+00:00", dtype=np.uint8)
#: The digits of numbers below a thousand.
_DIGITS = np.frombuffer("".join(f"{number:03}" for number in range(1000)).encode(), dtype=np.uint8).reshape(1000, 3)


def iso(moments: NDArray[np.int64]) -> pl.Series:
    """Microseconds since 1970 as records have them.

    Neighbouring records share their seconds: these are written once each, and the fractions put behind.
    """
    seconds, fraction = moments // 1_000_000, (moments % 1_000_000).astype(np.uint32)
    each, place = np.unique(seconds, return_inverse=True)
    written = [f"{(_EPOCH + timedelta(seconds=second)).isoformat()}." for second in each.tolist()]
    codes = np.empty((len(moments), 32), dtype=np.uint8)
    codes[:, :20] = np.frombuffer("".join(written).encode(), dtype=np.uint8).reshape(-1, 20).take(place, axis=0)
    codes[:, 20:23] = _DIGITS.take(fraction // 1000, axis=0)
    codes[:, 23:26] = _DIGITS.take(fraction % 1000, axis=0)
    codes[:, 26:] = _ZONE
    return of_one_length(codes)


def microseconds(column: str = "timestamp") -> pl.Expr:
    """The moments in a column as whole microseconds since 1970 (Int64).

    The seconds are read apart from their fractions: since neighbouring records share them, polars remembers what they
    are, and that is four times as fast as reading whole texts.
    """
    text = pl.col(column).str
    seconds = text.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").cast(pl.Int64)
    return (seconds + text.slice(20, 6).cast(pl.Int64)).alias(column)


def utc(column: str = "timestamp") -> pl.Expr:
    """The moments in a column as timestamps with microseconds, in UTC."""
    return microseconds(column).cast(pl.Datetime("us", "UTC"))


def length() -> pl.Expr:
    """The durations of spans in whole microseconds, in which they were measured (Int64)."""
    return (pl.col("duration_ms") * 1000).round().cast(pl.Int64)


def seconds(column: str) -> pl.Expr:
    """Microseconds as seconds, in text, with a fraction only where there is one."""
    whole, fraction = pl.col(column) // 1_000_000, pl.col(column) % 1_000_000
    digits = pl.concat_str(pl.lit("."), fraction.cast(pl.String).str.zfill(6)).str.strip_chars_end("0")
    return pl.concat_str(whole.cast(pl.String), pl.when(fraction > 0).then(digits).otherwise(pl.lit("")))
