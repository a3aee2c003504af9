"""`score`: scores an answer."""

from __future__ import annotations

import json
from pathlib import Path

import click

from meshquake.commands import options


@click.command(short_help="Score an answer")
@options.fixture
@click.option(
    "--answers",
    type=options.PATH,
    required=True,
    help="The answer; for a data set, a folder with an answer, CASE.json, for each case.",
)
@options.as_json
def score(folder: Path, answers: Path, as_json: bool) -> None:
    """Score the answer to a fixture or to a case of a data set, or the answers to a data set (see docs/scoring.md)."""
    from meshquake.commands import tables
    from meshquake.exporters.reports.marking import report

    marked = report(folder, answers)
    if as_json:
        click.echo(json.dumps(marked.content, indent=2))
    else:
        tables.show(marked.blocks)
