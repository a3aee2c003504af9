"""Counts by second, of which a long run has many and nearly all are small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
#: Some seconds: a stretch of them, or a mask.
Seconds = slice | NDArray[np.bool_]
ALL = slice(None)


class Counts:
    """How many there are by second and column, in as few bytes each as the greatest takes: nearly always one."""

    def __init__(self, seconds: int, columns: int) -> None:
        self._table: NDArray[Any] = np.zeros((seconds, columns), dtype=np.uint8)

    def __len__(self) -> int:
        """How many seconds there are."""
        return len(self._table)

    def __getitem__(self, seconds: Seconds) -> Ints:
        """The counts of some seconds, a row each."""
        return self._table[seconds].astype(np.int64)

    def add(self, seconds: Ints, columns: Ints) -> None:
        """Count one more at each of some places, which may come more than once."""
        places, more = np.unique(seconds * self._table.shape[1] + columns, return_counts=True)
        counted = self._table.reshape(-1)[places] + more
        greatest = np.min_scalar_type(counted.max(initial=0))
        self._table = self._table.astype(np.promote_types(self._table.dtype, greatest), copy=False)
        self._table.reshape(-1)[places] = counted

    def sum(self, seconds: Seconds = ALL) -> Ints:
        """The sum over some seconds of each column."""
        total: Ints = self._table[seconds].sum(axis=0, dtype=np.int64)
        return total

    def counted(self) -> Ints:
        """The seconds in which there are any."""
        return np.flatnonzero(self._table.any(axis=1))
