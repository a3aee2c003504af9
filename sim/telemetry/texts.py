"""Columns of texts, made by few polars calls.

Columns are series, and these functions use the operations that polars runs on series directly. Most methods of a series
are expressions underneath: planned, checked and handed to another thread, which takes longer than the work itself for
the few thousand rows of a batch. So expressions are few, and each does much.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Bytes of texts, one row per text.
Codes = NDArray[np.uint8]


def names(texts: Iterable[str | None]) -> pl.Series:
    """Make a table of texts for `lookup`."""
    return pl.Series(texts, dtype=pl.String)


def lookup(table: pl.Series, positions: NDArray[Any]) -> pl.Series:
    """Return the texts at some positions; -1 is the last one, as in Python."""
    wrapped = np.where(positions < 0, len(table) + positions, positions).astype(np.uint32)
    return table[pl.Series(wrapped)]


def stacked(parts: Iterable[pl.Series]) -> pl.Series:
    """Concatenate columns into one chunk: taking rows from several chunks costs thirty times as much."""
    return pl.concat(parts, rechunk=True)


def evaluated(parts: Iterable[pl.Expr]) -> pl.Series:
    """Evaluate expressions, of any lengths, in one go and concatenate them into one chunk."""
    return pl.select(reduce(pl.Expr.append, parts)).to_series().rechunk()


def joined(*parts: pl.Series | str) -> pl.Series:
    """Join texts row by row; null where a part is null. For few parts, at least one of them a series."""
    # Adding a str to a series would go through an expression; a series of one text doesn't.
    return reduce(add, (names([part]) if isinstance(part, str) else part for part in parts))


def of_one_length(codes: Codes) -> pl.Series:
    """Make texts of equal length from their bytes.

    This is the fast way into polars: four times as fast as joining texts from parts.
    """
    return pl.Series(codes).cast(pl.List(pl.UInt8)).cast(pl.Binary).cast(pl.String)


def padded(numbers: NDArray[np.int64], digits: int) -> pl.Series:
    """Return whole numbers as texts, padded with zeros to `digits` digits."""
    powers = 10 ** np.arange(digits - 1, -1, -1)
    return of_one_length((ord("0") + numbers[:, None] // powers % 10).astype(np.uint8))
