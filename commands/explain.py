"""`explain`: an incident, or one request, in words."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options


@click.command(short_help="An incident, or one request, in words")
@options.fixture
@click.argument("trace_id", required=False)
def explain(folder: Path, trace_id: str | None) -> None:
    """Tell an incident, or one of its requests, in words, from the answer key."""
    from meshquake.commands import tables
    from meshquake.exporters.reports import explain

    tables.show(explain.incident(folder) if trace_id is None else explain.request(folder, trace_id))
