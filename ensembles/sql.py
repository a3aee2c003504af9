"""SQL over the records of a run: polars' dialect, with the four tables of records and nothing else.

A run is a pure function of its study, and a study may come from a stranger. So no statement may read anything but the
records: polars has table functions that open files (`read_csv`), and may have more in a later version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from meshquake.topology.units import shown

#: A text, a comment, or a word for the time at which a statement is executed.
_CLOCK = re.compile(
    r"'[^']*'|--[^\n]*|/\*.*?\*/|\b(now|today|current_(?:date|time|timestamp)|local(?:time|timestamp))\b",
    re.IGNORECASE | re.DOTALL,
)
#: What polars says of a call of a table function that it does not have.
_UNKNOWN = "is not a supported table function"


def number(text: str, frames: Mapping[str, pl.DataFrame]) -> float:
    """The first value of a statement over some tables.

    Parameters
    ----------
    text
        The statement.
    frames
        The tables, by name.

    Returns
    -------
    float
        The value; nan if there is none.

    Raises
    ------
    ValueError
        If the statement can't be executed, names a function where a table belongs, depends on the time of day, or
        doesn't give a number.
    """
    for clock in filter(None, _CLOCK.findall(text)):
        raise ValueError(f"{shown(clock)} is the time of day: each run must give the same number at any time")
    try:
        _refuse_functions(text, frames)
        found = pl.SQLContext(frames=dict(frames), eager=True).execute(text)
    except (pl.exceptions.PolarsError, ValueError, TypeError, OSError) as error:
        raise ValueError(f"cannot be executed: {str(error).splitlines()[0]}") from None
    if not found.width:
        raise ValueError("returns no column")
    column = found.to_series(0)
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise ValueError(f"must return a number, not {column.dtype}")
    value = column[0] if len(column) else None
    return np.nan if value is None else float(value)


def _refuse_functions(text: str, tables: Iterable[str]) -> None:
    """Raise ValueError if a statement names a table function; PolarsError if it is not SQL.

    It is polars' own parser that finds the names, at any depth and in any quotes. Whatever stands for a table and is
    none is either defined by the statement itself (`with recent as ...`), or unknown, or a function.
    """
    context = pl.SQLContext()
    for name in context._ctxt.table_identifiers(text):
        if name not in tables and _is_function(name):
            raise ValueError(f"{shown(name)} is a function: there are only the tables {', '.join(tables)}")


def _is_function(name: str) -> bool:
    """Whether polars may have a table function of this name; called without arguments, none reads anything."""
    quoted = name.replace('"', '""')
    try:
        pl.SQLContext().execute(f'select * from "{quoted}"()', eager=True)
    except pl.exceptions.SQLInterfaceError as error:
        return _UNKNOWN not in str(error)
    except (pl.exceptions.PolarsError, OSError):
        pass
    return True
