"""Count requests: how many there were, how many failed, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Latencies are counted in buckets, each 1% wider than the one before, so memory doesn't grow with the run.
_RATIO = np.log(1.01)
_BUCKETS = 2600  # from a microsecond up: the last begins at 1.01^2599 us, two days
#: Whether a request failed: its caller got an error, or no answer.
FAILED = pl.col("status") == "error"


@dataclass
class Tally:
    """Counts of requests, of errors, and of latencies by bucket."""

    requests: int = 0
    errors: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BUCKETS, dtype=np.int64), repr=False)

    @property
    def error_share(self) -> float | None:
        """The share of requests that failed; None if there were no requests."""
        return self.errors / self.requests if self.requests else None

    def count(self, latencies: NDArray[np.float64], failed: NDArray[np.bool_]) -> None:
        """Count requests, given their latencies (milliseconds) and which of them failed."""
        self.requests += len(latencies)
        self.errors += int(np.count_nonzero(failed))
        self.latencies += np.bincount(_bucket(latencies), minlength=_BUCKETS)

    def latency(self, quantile: float) -> float | None:
        """Return a quantile of the latency in milliseconds, by nearest rank, to 1%; None if there were no requests."""
        if not self.requests:
            return None
        bucket = int(np.searchsorted(np.cumsum(self.latencies), ceil(quantile * self.requests)))
        return float(np.exp((bucket + 0.5) * _RATIO)) / 1000

    def slower(self, latency: float) -> int:
        """Return how many requests took `latency` (milliseconds) or longer, to 1%."""
        return int(self.latencies[int(_bucket(np.array([latency]))[0]) :].sum())


def _bucket(latencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the buckets of latencies given in milliseconds."""
    micros = np.maximum(1.0, latencies * 1000)
    buckets: NDArray[np.int64] = np.minimum((np.log(micros) / _RATIO).astype(np.int64), _BUCKETS - 1)
    return buckets
