"""What only a terminal has: a bar of simulated time on standard error while a command goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from meshquake.commands import output


class Advance(Protocol):
    """Hears of simulated time."""

    def __call__(self, clock: float) -> None:
        """`clock` simulated seconds are done."""


@contextmanager
def progress(title: str, seconds: float, quiet: bool) -> Iterator[Advance]:
    """A bar of simulated time on standard error, if that is a terminal."""
    if quiet or not is_terminal(sys.stderr):
        yield lambda clock: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(output.line(title), total=seconds)
        yield lambda clock: bar.update(task, completed=min(clock, seconds))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether it's one; a stream that was closed before the program began is None."""
    return stream is not None and stream.isatty()
