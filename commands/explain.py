"""`explain`: an incident, or one request, in words."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options


@click.command(short_help="Explain an incident, or one of its requests")
@options.fixture
@click.argument("trace_id", required=False)
def explain(folder: Path, trace_id: str | None) -> None:
    """Explain an incident, or one of its requests, from the answer key."""
    from meshquake.commands import tables
    from meshquake.exporters.reports import explain

    tables.show(explain.incident(folder) if trace_id is None else explain.request(folder, trace_id))
