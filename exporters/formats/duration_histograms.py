"""OTLP histograms of durations, with the explicit bounds of the semantic conventions or with exponential buckets.

The bounds of an exponential histogram of scale s are the powers of 2^(2^-s): bucket i holds values above the i-th power
and up to the next one. The scale starts at 20, the finest, and decreases when values would need more than 160 buckets.
Each step merges pairs of neighbouring buckets, so counts stay exact
(https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram,
https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.exporters.formats.otlp_json import text
from meshquake.exporters.formats.semconv import BOUNDS

#: The finest scale, and the most buckets.
FINEST, MOST = 20, 160
#: Exemplars per interval of an exponential histogram: those with the lowest span ids, which are as good as random.
_EXEMPLARS = 4
#: The bucket of zero durations, which have no logarithm.
_ZERO = -(2**62)

#: A bucket, the number of spans in it, and the id and exemplar (JSON text) of one of them.
Row = tuple[int, int, str, str]


class Histogram(Protocol):
    """Cumulative counts of spans by bucket, and exemplars of the last interval."""

    #: The key of such metrics in OTLP.
    kind: ClassVar[str]

    def __init__(self, metric: str) -> None: ...

    @staticmethod
    def buckets(spans: pl.DataFrame) -> pl.Series:
        """Return the bucket of each span; spans have `metric` and `micros`."""

    def count(self, rows: Iterable[Row]) -> None:
        """Count the spans of an interval."""

    def forget(self) -> None:
        """Drop the exemplars at the end of an interval."""

    def body(self, total: float) -> str:
        """Return the fields of an OTLP data point as JSON, given the sum of all durations in seconds."""


class Explicit:
    """A histogram with the bounds that the semantic conventions advise; a bucket's exemplar is its last span."""

    kind: ClassVar[str] = "histogram"

    def __init__(self, metric: str) -> None:
        bounds = _bounds(metric)
        self._counts = [0] * (len(bounds) + 1)
        self._exemplars: list[str] = []
        self._shape = f'"explicitBounds":{text(bounds)}'

    @staticmethod
    def buckets(spans: pl.DataFrame) -> pl.Series:
        """Return the bucket of each span; spans have `metric` and `micros`."""
        bucket = pl.lit(0, pl.Int64)
        for protocol, bounds in BOUNDS.items():
            own = sum((pl.col("micros") > round(bound * 1e6)).cast(pl.Int64) for bound in bounds)
            bucket = pl.when(pl.col("metric").str.starts_with(protocol)).then(own).otherwise(bucket)
        return spans.select(bucket=bucket).to_series()

    def count(self, rows: Iterable[Row]) -> None:
        """Count the spans of an interval."""
        for bucket, count, _, exemplar in rows:
            self._counts[bucket] += count
            self._exemplars.append(exemplar)

    def forget(self) -> None:
        """Drop the exemplars at the end of an interval."""
        self._exemplars.clear()

    def body(self, total: float) -> str:
        """Return the fields of an OTLP data point as JSON, given the sum of all durations in seconds."""
        return (
            f'"count":"{sum(self._counts)}","sum":{total},"bucketCounts":[{_counts(self._counts)}],'
            f"{self._shape}{_exemplars(self._exemplars)}"
        )


class Exponential:
    """A histogram with exponential buckets."""

    kind: ClassVar[str] = "exponentialHistogram"

    def __init__(self, metric: str = "") -> None:
        self.scale = FINEST
        #: Number of spans by bucket.
        self.counts: dict[int, int] = {}
        self.zeros = 0
        self._exemplars: list[tuple[str, str]] = []

    @staticmethod
    def buckets(spans: pl.DataFrame) -> pl.Series:
        """Return the bucket of each span at the finest scale; spans have `micros`."""
        return pl.Series("bucket", finest(spans["micros"].to_numpy()))

    def count(self, rows: Iterable[Row]) -> None:
        """Count the spans of an interval."""
        for bucket, count, span, exemplar in rows:
            self._exemplars.append((span, exemplar))
            if bucket == _ZERO:
                self.zeros += count
            else:
                place = bucket >> (FINEST - self.scale)
                self.counts[place] = self.counts.get(place, 0) + count
        self._exemplars = sorted(self._exemplars)[:_EXEMPLARS]
        while self.counts and max(self.counts) - min(self.counts) >= MOST:
            self._coarser()

    def _coarser(self) -> None:
        """Merge pairs of buckets."""
        self.scale -= 1
        finer, self.counts = self.counts, {}
        for place, count in finer.items():
            self.counts[place >> 1] = self.counts.get(place >> 1, 0) + count

    def forget(self) -> None:
        """Drop the exemplars at the end of an interval."""
        self._exemplars.clear()

    def body(self, total: float) -> str:
        """Return the fields of an OTLP data point as JSON, given the sum of all durations in seconds."""
        first, last = (min(self.counts), max(self.counts)) if self.counts else (0, -1)
        counts = [self.counts.get(place, 0) for place in range(first, last + 1)]
        return (
            f'"count":"{sum(counts) + self.zeros}","sum":{total},"scale":{self.scale},"zeroCount":"{self.zeros}",'
            f'"positive":{{"offset":{first},"bucketCounts":[{_counts(counts)}]}}'
            f"{_exemplars(each for _, each in self._exemplars)}"
        )


def finest(micros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the buckets at the finest scale of durations (microseconds); the bounds of buckets are in seconds."""
    positive = np.maximum(micros, 1) / 1e6
    # A power of two is the upper bound of its bucket; the logarithm could miss it by a rounding error.
    mantissa, exponent = np.frexp(positive)
    whole = (exponent.astype(np.int64) - 1) << FINEST
    part = np.ceil(np.log2(2.0 * mantissa) * 2.0**FINEST).astype(np.int64)
    return np.where(micros > 0, whole + np.where(mantissa == 0.5, 0, part) - 1, _ZERO)


def _bounds(metric: str) -> tuple[float, ...]:
    return BOUNDS[metric.partition(".")[0]]


def _counts(counts: Iterable[int]) -> str:
    return ",".join(f'"{count}"' for count in counts)


def _exemplars(exemplars: Iterable[str]) -> str:
    told = ",".join(exemplars)
    return f',"exemplars":[{told}]' if told else ""


#: The kinds of histogram, by their names on the command line.
HISTOGRAMS: dict[str, type[Histogram]] = {"explicit": Explicit, "exponential": Exponential}
