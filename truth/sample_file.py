"""The samples of a whole run, of which few are held in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from meshquake.sim.telemetry.sampling.series import Samples, Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.scratch import Scratch

#: Bytes of samples that wait in memory, and that a look at some series takes, about.
PIECE = 2 * 2**20


class _Block(NamedTuple):
    """Samples of some intervals that were set aside, one series after another: those known by then, in their order."""

    place: int
    rows: int
    columns: int


class SampleFile:
    """Takes samples of intervals that follow each other, and gives those of any series.

    Parameters
    ----------
    folder
        Where a temporary file may lie; None for where such files lie on this machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        #: The column of each series, in order of their first appearance.
        self._column: dict[Series, int] = {}
        self._waiting: list[Samples] = []
        self._size = 0
        self._scratch = Scratch(folder)
        self._blocks: list[_Block] = []
        self._rows = 0

    def __len__(self) -> int:
        """How many intervals there are."""
        return self._rows

    def close(self) -> None:
        """Forget everything."""
        self._scratch.close()

    def add(self, part: Samples) -> None:
        """Append samples; raises OSError if there's no room for them."""
        if not len(part):
            return
        for series in part.series:
            self._column.setdefault(series, len(self._column))
        self._waiting.append(part)
        self._rows += len(part)
        self._size += part.values.nbytes
        if self._size >= PIECE:
            block = self._held()
            columns, rows = block.shape
            self._blocks.append(_Block(self._scratch.append(block.tobytes()), rows, columns))
            self._waiting.clear()
            self._size = 0

    def groups(self, length: int) -> Iterator[tuple[Series, ...]]:
        """All series, so many at a time that memory can hold `length` samples of each."""
        series, width = tuple(self._column), max(1, PIECE // (8 * max(1, length)))
        return (series[first : first + width] for first in range(0, len(series), width))

    def of(self, series: Sequence[Series]) -> Floats:
        """The samples of some series: a row an interval, a column each; nan where there is none."""
        column = np.array([self._column.get(each, -1) for each in series], dtype=np.int64)
        found = np.full((len(series), self._rows), np.nan)
        row = 0
        for block in self._blocks:
            there = np.flatnonzero((column >= 0) & (column < block.columns))
            if len(there):
                # One read is enough where series stand together, as they do in groups of another run's.
                first, last = int(column[there].min()), int(column[there].max())
                place, length = block.place + 8 * first * block.rows, 8 * (last + 1 - first) * block.rows
                read = np.frombuffer(self._scratch.read(place, length)).reshape(-1, block.rows)
                found[there, row : row + block.rows] = read[column[there] - first]
            row += block.rows
        there = np.flatnonzero(column >= 0)
        found[there, row:] = self._held()[column[there]]
        return found.T

    def _held(self) -> Floats:
        """What waits: a row a series, a column an interval."""
        rows = sum(map(len, self._waiting))
        block = np.full((len(self._column), rows), np.nan)
        end = 0
        for part in self._waiting:
            begin, end = end, end + len(part)
            block[[self._column[series] for series in part.series], begin:end] = part.values.T
        return block
