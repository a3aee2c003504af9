"""`list-fixtures`: the generated fixtures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from meshquake.commands import errors, options


@click.command("list-fixtures", short_help="List the generated fixtures")
@options.fixtures
@options.as_json
def list_fixtures(output: Path, as_json: bool) -> None:
    """List the generated fixtures: scenario, seed, start and length, records by kind, size."""
    from meshquake.commands import tables
    from meshquake.exporters.fixtures import listing
    from meshquake.topology import outside

    if not outside.is_folder(output):
        errors.fail(f"{output}: no such folder; generate a fixture first, for example with `python run.py cascade`")
    found, unreadable = listing.find(output)
    if as_json:
        click.echo(json.dumps([listing.as_json(entry) for entry in found], indent=2))
    else:
        tables.show(listing.blocks(found, output))
    errors.warn(*unreadable)
    if unreadable or any(entry.problem for entry in found):
        sys.exit(errors.BAD_INPUT)
