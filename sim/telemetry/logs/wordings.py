"""Texts, and how they are filled in: many lines at a time, column by column.

A text alternates between literals and values. Lines of different texts are filled in together: all literals go into one
column, each value is made once for all lines that need it, and a line is the join of its pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.telemetry.logs.catalogue import FIELD, LogText
from meshquake.sim.telemetry.requests.drawing import drawn
from meshquake.sim.telemetry.tables import Ints
from meshquake.sim.telemetry.texts import evaluated, names, stacked

#: Makes values, given their names, each with the positions of the lines that need it; returns them in that order.
Maker = Callable[[list[tuple[str, Ints]]], list[pl.Series]]


class Wordings:
    """A list of texts in which a choice among some of them is a range of positions."""

    def __init__(self) -> None:
        self._texts: list[LogText] = []
        #: The position of the first of those that were added together.
        self._added: dict[tuple[LogText, ...], int] = {}
        self._values: list[str] = []

    def add(self, texts: Iterable[LogText]) -> tuple[int, int]:
        """Add texts, unless they were added together before; return the position of the first and their number."""
        said = tuple(texts)
        if said not in self._added:
            self._added[said] = len(self._texts)
            self._texts += said
        return self._added[said], len(said)

    def seal(self) -> None:
        """Make the lookup tables; no texts can be added afterwards."""
        cut = [FIELD.split(text.text) for text in self._texts]
        self._values = sorted({value for pieces in cut for value in pieces[1::2]}, key=lambda each: (drawn(each), each))
        self.levels = names(text.level for text in self._texts)
        self.loggers = names(text.logger for text in self._texts)
        self._slots = np.array([len(pieces) // 2 for pieces in cut], dtype=np.int64)
        most = int(max(self._slots, default=0))
        position = {value: place for place, value in enumerate(self._values)}
        said = dict.fromkeys(piece for pieces in cut for piece in pieces[::2])
        at = {piece: place for place, piece in enumerate(said)}
        #: All literals; by text, the literals before each value and after the last, and the values; by value, whether
        #: each text needs it.
        self._said = names(list(said))
        self._says = np.zeros((len(cut), most + 1), dtype=np.uint32)
        self._value = np.zeros((len(cut), most), dtype=np.int64)
        self._needs = np.zeros((len(self._values), len(cut)), dtype=np.bool_)
        for text, pieces in enumerate(cut):
            self._says[text, : len(pieces[::2])] = [at[piece] for piece in pieces[::2]]
            self._value[text, : len(pieces[1::2])] = [position[value] for value in pieces[1::2]]
            self._needs[self._value[text, : len(pieces[1::2])], text] = True

    def fill(self, text: Ints, make: Maker) -> pl.Series:
        """Return the messages of lines, given the position of each one's text, and what makes values."""
        values, place = self._made(text, make)
        pieces = stacked([self._said, values]) if len(values) else self._said
        slots = self._slots[text]
        order, parts = np.argsort(slots, kind="stable"), [pl.lit(names([]))]
        counts = np.bincount(slots)
        for count, lines in zip(np.flatnonzero(counts).tolist(), _runs(order, counts), strict=True):
            of = text[lines]
            which = np.empty((len(lines), 2 * count + 1), dtype=np.uint32)
            which[:, ::2] = self._says[of, : count + 1]
            which[:, 1::2] = place[self._value[of, :count], lines[:, None]]
            found = pl.lit(pieces[pl.Series(which.ravel())])
            parts.append(found.reshape(which.shape).arr.join("") if count else found)
        back = np.empty(len(order), dtype=np.uint32)
        back[order] = np.arange(len(order), dtype=np.uint32)
        return evaluated(parts)[pl.Series(back)]

    def _made(self, text: Ints, make: Maker) -> tuple[pl.Series, NDArray[np.uint32]]:
        """Return the values that lines need, in one column, and where those of each line are among the pieces."""
        place = np.zeros((len(self._values), len(text)), dtype=np.uint32)
        there = np.bincount(text, minlength=len(self._slots)) > 0
        wanted, first = [], len(self._said)
        for value in np.flatnonzero(self._needs[:, there].any(axis=1)).tolist():
            lines = np.flatnonzero(self._needs[value].take(text))
            place[value, lines] = np.arange(first, first + len(lines), dtype=np.uint32)
            first += len(lines)
            wanted.append((self._values[value], lines))
        if not wanted:
            return names([]), place
        return stacked(make(wanted)), place


def _runs(order: Ints, counts: Ints) -> Iterable[Ints]:
    """Cut positions into runs with the given counts; empty runs are left out."""
    ends = np.cumsum(counts)
    return (order[end - count : end] for end, count in zip(ends, counts, strict=True) if count)
