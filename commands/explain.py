"""`explain`: an incident, or some of its requests, explained in words."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options


@click.command(short_help="Explain an incident, or some of its requests")
@options.fixture
@click.argument("trace_ids", metavar="[TRACE_ID]...", nargs=-1)
def explain(folder: Path, trace_ids: tuple[str, ...]) -> None:
    """Explain an incident, or some of its requests, from the answer key."""
    from meshquake.commands import tables
    from meshquake.exporters.reports import explain

    tables.show(explain.requests(folder, trace_ids) if trace_ids else explain.incident(folder))
