"""Read and write the timestamps of records, column by column."""

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
    """Return microseconds since 1970 as timestamps of records.

    Neighbouring records share their second, so each second is formatted once and the fractions are appended.
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
    """Return the timestamps in a column as whole microseconds since 1970 (Int64).

    Seconds are parsed apart from fractions: neighbouring records share them and polars caches what it parsed, which is
    four times as fast as parsing whole timestamps.
    """
    text = pl.col(column).str
    seconds = text.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").cast(pl.Int64)
    return (seconds + text.slice(20, 6).cast(pl.Int64)).alias(column)


def utc(column: str = "timestamp") -> pl.Expr:
    """Return the timestamps in a column as datetimes in UTC, to the microsecond."""
    return microseconds(column).cast(pl.Datetime("us", "UTC"))


def length() -> pl.Expr:
    """Return the durations of spans in whole microseconds (Int64), the unit that they were measured in."""
    return (pl.col("duration_ms") * 1000).round().cast(pl.Int64)


def seconds(column: str) -> pl.Expr:
    """Return microseconds as seconds, in text, with a fraction only where it is not zero."""
    whole, fraction = pl.col(column) // 1_000_000, pl.col(column) % 1_000_000
    digits = pl.concat_str(pl.lit("."), fraction.cast(pl.String).str.zfill(6)).str.strip_chars_end("0")
    return pl.concat_str(whole.cast(pl.String), pl.when(fraction > 0).then(digits).otherwise(pl.lit("")))
