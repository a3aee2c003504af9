"""What a person at a terminal sees of a run: a bar while it goes on, and then a table that says what happened."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from meshquake.sim.summary import Hit, Phase, Summary
from meshquake.topology.units import counted, duration


class Advance(Protocol):
    """Hears of simulated time."""

    def __call__(self, clock: float) -> None:
        """`clock` simulated seconds are done."""


@contextmanager
def progress(title: str, seconds: float, quiet: bool) -> Iterator[Advance]:
    """A bar of simulated time on standard error, if that is a terminal."""
    if quiet or not _is_terminal(sys.stderr):
        yield lambda clock: None
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=seconds)
        yield lambda clock: bar.update(task, completed=min(clock, seconds))


def show(summary: Summary, folder: Path, title: str, speed: float) -> None:
    """Print what happened.

    Parameters
    ----------
    summary
        The run's figures.
    folder
        Where its fixture is.
    title
        What was played.
    speed
        Simulated seconds a second of wall time.
    """
    # A pipe or a file gets plain text, as wide as it needs to be.
    plain = not _is_terminal(sys.stdout)
    console = (
        Console(highlight=False, width=120, no_color=True, force_terminal=False) if plain else Console(highlight=False)
    )
    console.print(title, style="bold", markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, justify in (("at the entry", "left"), *((name, "right") for name in _FIGURES)):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for phase in summary.phases:
        table.add_row(f"{phase.name} ({duration(phase.seconds)})", *_figures(phase))
    console.print(table)
    facts = list(_facts(summary, folder, speed))
    if plain:
        for name, text in facts:
            console.print(f"{name:<12}{text}", markup=False, soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 4, 0, 0))  # long lists wrap between words, under themselves
    for name, text in facts:
        grid.add_row(name, Text(text))
    console.print(grid)


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether it's one; a stream that was closed before the program began is None."""
    return stream is not None and stream.isatty()


_FIGURES = ("requests", "errors", "p50 ms", "p95 ms", "p99 ms")


def _figures(phase: Phase) -> Iterator[str]:
    yield f"{phase.requests}"
    yield "-" if phase.error_share is None else f"{phase.error_share:.1%}"
    for quantile in (0.5, 0.95, 0.99):
        value = phase.latency(quantile)
        yield "-" if value is None else f"{value:.0f}"


def _facts(summary: Summary, folder: Path, speed: float) -> Iterator[tuple[str, str]]:
    if summary.hits:
        yield "hit", ", ".join(map(_hit, summary.hits))
    if summary.opened:
        yield (
            "breakers",
            ", ".join(f"{caller} -> {callee} x{n}" for (caller, callee), n in sorted(summary.opened.items())),
        )
    yield "records", ", ".join(counted(count, kind.removesuffix("s")) for kind, count in summary.records.items())
    yield "speed", f"{speed:.0f} simulated seconds a second"
    yield "folder", str(folder)


def _hit(hit: Hit) -> str:
    return f"{hit.service} at {hit.onset:+.0f}s ({hit.sign})"


def as_json(summary: Summary, folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    """The same for programs, as a JSON object. Holds nothing of wall time.

    `content` is the fixture's manifest.
    """
    return {
        "scenario": content["scenario"]["name"],
        "topology": content["topology"]["name"],
        "seed": content["seed"],
        "start": content["start"],
        "options": content["options"],
        "folder": str(folder),
        "records": summary.records,
        "entry": {
            phase.name: {
                "seconds": phase.seconds,
                "requests": phase.requests,
                "errors": phase.errors,
                "error_share": phase.error_share,
                **{f"p{100 * quantile:.0f}_ms": phase.latency(quantile) for quantile in (0.5, 0.95, 0.99)},
            }
            for phase in summary.phases
        },
        "hit": [{"service": hit.service, "onset_s": hit.onset, "sign": hit.sign} for hit in summary.hits],
        "breakers_opened": [
            {"service": caller, "target": callee, "count": count}
            for (caller, callee), count in sorted(summary.opened.items())
        ],
        "files": content["files"],
        "formats": content["formats"],
    }
