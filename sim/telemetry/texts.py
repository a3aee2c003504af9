"""Columns of texts, made at once.

They are series, put together by what polars does to series at once. Most methods of a series are expressions: these are
planned, checked and handed to another thread, which takes longer than most columns of a batch's few thousand rows. So
there are few of them, and each makes much.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Bytes of texts, a row a text.
Codes = NDArray[np.uint8]


def names(texts: Iterable[str | None]) -> pl.Series:
    """A table of names to look up."""
    return pl.Series(texts, dtype=pl.String)


def lookup(table: pl.Series, positions: NDArray[Any]) -> pl.Series:
    """The names at some positions; -1 is the last one, as in Python."""
    wrapped = np.where(positions < 0, len(table) + positions, positions).astype(np.uint32)
    return table[pl.Series(wrapped)]


def stacked(parts: Iterable[pl.Series]) -> pl.Series:
    """Columns one after another, in one piece: to take rows of several pieces costs thirty times as much."""
    return pl.concat(parts, rechunk=True)


def evaluated(parts: Iterable[pl.Expr]) -> pl.Series:
    """Columns that are expressions, of any lengths, made in one go and put one after another, in one piece."""
    return pl.select(reduce(pl.Expr.append, parts)).to_series().rechunk()


def joined(*parts: pl.Series | str) -> pl.Series:
    """Texts put together row by row; null where one of the parts is null. For a few parts, one a series of texts."""
    # A text in front of a series would be an expression, a series of one text is not.
    return reduce(add, (names([part]) if isinstance(part, str) else part for part in parts))


def of_one_length(codes: Codes) -> pl.Series:
    """Texts of one length, given their bytes.

    This is the short way into polars, four times faster than to put texts together of parts.
    """
    return pl.Series(codes).cast(pl.List(pl.UInt8)).cast(pl.Binary).cast(pl.String)


def padded(numbers: NDArray[np.int64], digits: int) -> pl.Series:
    """Whole numbers of at most so many digits, with zeros in front."""
    powers = 10 ** np.arange(digits - 1, -1, -1)
    return of_one_length((ord("0") + numbers[:, None] // powers % 10).astype(np.uint8))
