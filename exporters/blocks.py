"""Output for people as blocks: lines, tables and facts. The command line decides on their layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of cells below column names.

    `align` has a character per column, `<` for left and `>` for right, as numbers should be. The last character also
    holds for all further columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str = "<>"


@dataclass(frozen=True)
class Facts:
    """Names and values; an empty name continues the fact before it.

    `indent` is the number of blanks before each line.
    """

    facts: Sequence[tuple[str, str]]
    indent: int = 0


#: A string is one line.
Block = str | Table | Facts
