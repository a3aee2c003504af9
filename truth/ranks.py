"""The value of any rank among any number of values: exact, in memory that does not grow with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from pathlib import Path

import numpy as np

from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.spill_file import SpillFile

#: Bits of a value that are examined in one pass.
_DIGIT = 16


class Ranks:
    """Values by key, none of which is negative.

    Non-negative floats sort like their bits. So a value is found digit by digit, from the first on: each pass counts
    the values that begin with the digits found so far, by the next digit.

    Parameters
    ----------
    folder
        Folder for a temporary file; None for the system's default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._values = SpillFile(folder)
        self._count: Counter[Hashable] = Counter()

    def add(self, key: Hashable, values: Floats) -> None:
        """Add values to a key."""
        self._values.add(key, values.astype(np.float64).tobytes())
        self._count[key] += len(values)

    def count(self, key: Hashable) -> int:
        """How many values a key has."""
        return self._count[key]

    def at(self, key: Hashable, rank: int) -> float:
        """The value at a position in sorted order, from 0."""
        found, left = 0, rank
        for shift in range(64 - _DIGIT, -1, -_DIGIT):
            counts = np.zeros(2**_DIGIT, dtype=np.int64)
            for piece in self._values.pieces(key):
                digits = np.frombuffer(piece, dtype=np.uint64) >> np.uint64(shift)
                known = digits >> np.uint64(_DIGIT) == found
                counts += np.bincount((digits[known] & np.uint64(2**_DIGIT - 1)).astype(np.int64), minlength=2**_DIGIT)
            upto = np.cumsum(counts)
            digit = int(np.searchsorted(upto, left, side="right"))
            left -= int(upto[digit] - counts[digit])
            found = found << _DIGIT | digit
        return float(np.array(found, dtype=np.uint64).view(np.float64))

    def close(self) -> None:
        """Forget everything."""
        self._values.close()
