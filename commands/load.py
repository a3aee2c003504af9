"""`load`: loads a fixture into a database."""

from __future__ import annotations

import json
from pathlib import Path

import click

from meshquake.commands import errors, options


@click.command(short_help="Load a fixture into a database")
@options.fixture
@click.option(
    "--into", "url", metavar="URL", required=True, help="sqlite:///FILE, duckdb:///FILE, postgresql://… or mongodb://…"
)
@click.option(
    "--fixture-id",
    metavar="NAME",
    help="Id of the fixture in the database.  [default: the scenario's name and a hash of the records]",
)
@click.option("--with-truth", is_flag=True, help="Load the answer key too, into separate tables.")
@options.summary_as_json
@options.quiet
def load(folder: Path, url: str, fixture_id: str | None, with_truth: bool, as_json: bool, quiet: bool) -> None:
    """Load a fixture into a database alongside others, all of it or nothing (see docs/databases.md).

    Existing data is left unchanged.
    """
    from meshquake.commands import output, terminal
    from meshquake.exporters.databases import load

    with (
        errors.told(interrupted="Interrupted: the database is unchanged."),
        errors.files(folder, "read"),
        terminal.progress("rows", load.size(folder, with_truth), quiet) as advance,
    ):
        loaded = load.load(folder, url, fixture_id, with_truth, advance)
    if as_json:
        click.echo(json.dumps({"fixture": loaded.fixture, "rows": loaded.rows}, indent=2))
    elif not quiet:
        counts = ", ".join(f"{rows} {table}" for table, rows in loaded.rows.items())
        output.say(f"{loaded.fixture}: {counts or 'already loaded'}")
