"""Counts by second: a long run has many of them, and nearly all are small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
#: Some seconds: a range, or a mask.
Seconds = slice | NDArray[np.bool_]
ALL = slice(None)


class Counts:
    """Counts by second and column, each in as few bytes as the largest needs: nearly always one."""

    def __init__(self, seconds: int, columns: int) -> None:
        self._table: NDArray[Any] = np.zeros((seconds, columns), dtype=np.uint8)

    def __len__(self) -> int:
        """How many seconds there are."""
        return len(self._table)

    def __getitem__(self, seconds: Seconds) -> Ints:
        """The counts of some seconds, one row per second."""
        return self._table[seconds].astype(np.int64)

    def add(self, seconds: Ints, columns: Ints) -> None:
        """Add one at each of some places, which may be repeated."""
        places, more = np.unique(seconds * self._table.shape[1] + columns, return_counts=True)
        counted = self._table.reshape(-1)[places] + more
        greatest = np.min_scalar_type(counted.max(initial=0))
        self._table = self._table.astype(np.promote_types(self._table.dtype, greatest), copy=False)
        self._table.reshape(-1)[places] = counted

    def sum(self, seconds: Seconds = ALL) -> Ints:
        """The sum of each column over some seconds."""
        total: Ints = self._table[seconds].sum(axis=0, dtype=np.int64)
        return total

    def counted(self) -> Ints:
        """The seconds with any counts."""
        return np.flatnonzero(self._table.any(axis=1))
