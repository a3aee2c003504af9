"""What only a terminal has: a bar on standard error, of simulated time or of what else there is to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from meshquake.commands import output


class Advance(Protocol):
    """Hears how much is done."""

    def __call__(self, clock: float) -> None:
        """`clock` simulated seconds are done, or so many of what else there is to do."""


@contextmanager
def progress(title: str, seconds: float, quiet: bool) -> Iterator[Advance]:
    """A bar on standard error, if that is a terminal: of so many simulated seconds, or of what else there is to do."""
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
