"""The progress bar on standard error, for terminals alone: of simulated time, or of other work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from meshquake.commands import output


class Advance(Protocol):
    """Callback for progress."""

    def __call__(self, clock: float) -> None:
        """Report that `clock` simulated seconds, or units of other work, are done."""


@contextmanager
def progress(title: str, seconds: float, quiet: bool) -> Iterator[Advance]:
    """Show a progress bar on standard error, if that is a terminal, of simulated seconds or units of other work."""
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
    """Whether a stream is a terminal; one that was closed before the program started is None."""
    return stream is not None and stream.isatty()
