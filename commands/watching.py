"""The live view of a run on a terminal, on standard error like the progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from meshquake.commands import output
from meshquake.exporters.reports.glance import Figures, Glance, sparkline
from meshquake.sim.records import Batch
from meshquake.sim.simulation import Simulation

#: Most services with a line of their own; if there are more, those that fail most.
_MOST = 20


class Hear(Protocol):
    """Callback for the batches of a run."""

    def __call__(self, batch: Batch) -> None:
        """Receive a batch."""


@contextmanager
def watching(simulation: Simulation) -> Iterator[Hear]:
    """Show a run on standard error while it is simulated."""
    glance = Glance([service.name for service in simulation.topology.services])
    title, length = simulation.scenario.name, simulation.scenario.length
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:

        def hear(batch: Batch) -> None:
            glance.take(batch)
            live.update(view(glance, title, min(batch.clock, length), length), refresh=True)

        yield hear


def view(glance: Glance, title: str, clock: float, length: float) -> RenderableType:
    """Render the view. Names are never markup, and control characters are shown as escapes."""
    return Group(
        _text(f"{title}  {glance.moment[11:]}  {clock:.0f} of {length:.0f} s", "bold"),
        _entry(glance),
        _services(glance),
        _text(f"open breakers  {', '.join(f'{one} -> {other}' for one, other in sorted(glance.breakers)) or 'none'}"),
        *(_text(f"{time}  {place}: {details}") for time, place, details in glance.events),
    )


def _entry(glance: Glance) -> Table:
    seconds = list(glance.entry)
    now = seconds[-1] if seconds else Figures(0.0, 0.0, None)
    grid = Table.grid(padding=(0, 2))
    grid.add_row("requests", f"{now.rate:.0f}/s", sparkline([each.rate for each in seconds]))
    grid.add_row("errors", f"{now.errors:.1%}", Text(sparkline([each.errors for each in seconds], 1.0), "red"))
    grid.add_row("p95", _latency(now.p95), sparkline([each.p95 or 0.0 for each in seconds]))
    return grid


def _services(glance: Glance) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("service")
    for heading in ("rate", "errors", "p95"):
        table.add_column(heading, justify="right")
    names = list(glance.services)
    if len(names) > _MOST:
        worst = sorted(names, key=lambda name: -glance.services[name].errors * glance.services[name].rate)[:_MOST]
        names = [name for name in names if name in worst]
    for name in names:
        each = glance.services[name]
        bad = "red" if each.errors >= 0.05 else ""
        table.add_row(_text(name), f"{each.rate:.0f}/s", Text(f"{each.errors:.1%}", bad), _latency(each.p95))
    return table


def _latency(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.0f} ms"


def _text(text: str, style: str = "") -> Text:
    return Text(output.line(text), style, no_wrap=True, overflow="ellipsis")
