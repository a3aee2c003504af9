"""Layout of text for people: as wide as needed in a pipe, and without control characters.

Names may come from outside, so nothing in a cell is markup, and control characters are shown as escapes.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from io import StringIO

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from meshquake.commands import output
from meshquake.commands.terminal import is_terminal
from meshquake.exporters.blocks import Block, Facts, Table

#: Columns of an unlimited screen, and the least width for the texts of facts.
_UNBOUNDED, _NARROWEST = 10**6, 40


def show(blocks: Iterable[Block]) -> None:
    """Print blocks on standard output."""
    terminal = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    click.echo("\n".join(lines(blocks, terminal)))


def lines(blocks: Iterable[Block], terminal: int | None = None) -> list[str]:
    """Lay out blocks as lines of text.

    Parameters
    ----------
    blocks
        The blocks.
    terminal
        Columns of the terminal, in which headings of tables are bold and facts are wrapped between words with a hanging
        indent. None for a pipe or a file. Tables are never wrapped or cut.
    """
    return [line for block in blocks for line in _lines(block, terminal)]


def _lines(block: Block, terminal: int | None) -> list[str]:
    match block:
        case Table():
            return _drawn(_table(block), _UNBOUNDED, terminal is not None)
        case Facts():
            width = _UNBOUNDED if terminal is None else max(terminal - block.indent, _names(block) + _NARROWEST)
            return [" " * block.indent + line for line in _drawn(_facts(block), width, terminal is not None)]
        case str():
            return [output.line(block)]


def _table(table: Table) -> Grid:
    grid = _grid(show_header=True)
    aligned = table.align.ljust(len(table.columns), table.align[-1])[: len(table.columns)]
    for name, align in zip(table.columns, aligned, strict=True):
        grid.add_column(Text(output.line(name)), justify="left" if align == "<" else "right", no_wrap=True)
    return _filled(grid, table.rows)


def _facts(facts: Facts) -> Grid:
    grid = _grid(show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return _filled(grid, facts.facts)


def _names(facts: Facts) -> int:
    """Return the columns of the longest name."""
    return max((cell_len(output.line(name)) for name, _ in facts.facts), default=0)


def _grid(show_header: bool) -> Grid:
    return Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=show_header)


def _filled(grid: Grid, rows: Iterable[Sequence[str]]) -> Grid:
    for row in rows:
        grid.add_row(*(Text(output.line(cell)) for cell in row))
    return grid


def _drawn(grid: Grid, width: int, terminal: bool) -> list[str]:
    screen = StringIO()
    Console(file=screen, width=width, force_terminal=terminal, highlight=False).print(grid)
    return [line.rstrip() for line in screen.getvalue().splitlines()]
