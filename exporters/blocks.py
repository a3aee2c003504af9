"""What people read, in blocks: lines, tables and facts. How they are laid out is for the command line to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells in rows below the names of their columns.

    `align` has a character a column, of which the last one is for all columns after it too: those of `<` begin in line,
    those of `>` end so, as numbers should.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str = "<>"


@dataclass(frozen=True)
class Facts:
    """Names, and what there is to say of each; an empty name goes on with the fact before it.

    `indent` is how many blanks stand before each line.
    """

    facts: Sequence[tuple[str, str]]
    indent: int = 0


#: A text is one line.
Block = str | Table | Facts
