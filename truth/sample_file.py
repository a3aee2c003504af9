"""The samples of a whole run, most of them in a file rather than in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from meshquake.sim.telemetry.sampling.series import Samples, Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.scratch import Scratch

#: Approximate bytes of samples that wait in memory, and that reading some series takes.
PIECE = 2 * 2**20


class _Block(NamedTuple):
    """Samples of some intervals, set aside series by series: the series known by then, in order."""

    place: int
    rows: int
    columns: int


class SampleFile:
    """Takes samples of consecutive intervals, and returns those of any series.

    Parameters
    ----------
    folder
        Folder for a temporary file; None for the system's default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        #: The column of each series, in order of first appearance.
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
        """Append samples; raises OSError if there is no room for them."""
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
        """All series, in groups small enough that memory can hold `length` samples of each."""
        series, width = tuple(self._column), max(1, PIECE // (8 * max(1, length)))
        return (series[first : first + width] for first in range(0, len(series), width))

    def of(self, series: Sequence[Series]) -> Floats:
        """The samples of some series: one row per interval, one column per series; nan where there is none."""
        column = np.array([self._column.get(each, -1) for each in series], dtype=np.int64)
        found = np.full((len(series), self._rows), np.nan)
        row = 0
        for block in self._blocks:
            there = np.flatnonzero((column >= 0) & (column < block.columns))
            if len(there):
                # One read is enough for adjacent series, as in groups of another run.
                first, last = int(column[there].min()), int(column[there].max())
                place, length = block.place + 8 * first * block.rows, 8 * (last + 1 - first) * block.rows
                read = np.frombuffer(self._scratch.read(place, length)).reshape(-1, block.rows)
                found[there, row : row + block.rows] = read[column[there] - first]
            row += block.rows
        there = np.flatnonzero(column >= 0)
        found[there, row:] = self._held()[column[there]]
        return found.T

    def _held(self) -> Floats:
        """The samples in memory: one row per series, one column per interval."""
        rows = sum(map(len, self._waiting))
        block = np.full((len(self._column), rows), np.nan)
        end = 0
        for part in self._waiting:
            begin, end = end, end + len(part)
            block[[self._column[series] for series in part.series], begin:end] = part.values.T
        return block
