"""Some requests, counted: how many, how many failed, how long they took."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Latencies are counted in buckets, each 1% wider than the one before: memory does not grow with the run.
_RATIO = np.log(1.01)
_BUCKETS = 2600  # from a microsecond up: the last begins at 1.01^2599 us, two days
#: Who asked for it got no answer, or one that says so.
FAILED = pl.col("status") == "error"


@dataclass
class Tally:
    """Some requests, counted."""

    requests: int = 0
    errors: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BUCKETS, dtype=np.int64), repr=False)

    @property
    def error_share(self) -> float | None:
        """Share of requests that failed; None if there were none."""
        return self.errors / self.requests if self.requests else None

    def count(self, latencies: NDArray[np.float64], failed: NDArray[np.bool_]) -> None:
        """Count requests, given how long they took (milliseconds) and which of them failed."""
        self.requests += len(latencies)
        self.errors += int(np.count_nonzero(failed))
        self.latencies += np.bincount(_bucket(latencies), minlength=_BUCKETS)

    def latency(self, quantile: float) -> float | None:
        """A quantile of the latency in milliseconds, by nearest rank, to 1%; None if there were no requests."""
        if not self.requests:
            return None
        bucket = int(np.searchsorted(np.cumsum(self.latencies), ceil(quantile * self.requests)))
        return float(np.exp((bucket + 0.5) * _RATIO)) / 1000

    def slower(self, latency: float) -> int:
        """How many took as long as `latency` (milliseconds) or longer, to 1%."""
        return int(self.latencies[int(_bucket(np.array([latency]))[0]) :].sum())


def _bucket(latencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """The buckets of latencies in milliseconds."""
    micros = np.maximum(1.0, latencies * 1000)
    buckets: NDArray[np.int64] = np.minimum((np.log(micros) / _RATIO).astype(np.int64), _BUCKETS - 1)
    return buckets
