"""`replay`: runs a fixture again and compares the bytes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from meshquake.commands import errors, options


@click.command(short_help="Run a fixture again and compare it byte for byte")
@options.fixture
@click.option("--output", type=options.PATH, help="Folder for the second run.  [default: not kept]")
@options.as_json
@options.quiet
def replay(folder: Path, output: Path | None, as_json: bool, quiet: bool) -> None:
    """Run a fixture again from its manifest, and report for each file whether it has the same bytes.

    The exit status is 1 if any file differs.
    """
    from meshquake.commands import tables, terminal
    from meshquake.exporters.fixtures import replay

    reloaded = replay.reload(folder)
    played = reloaded.loaded.scenario
    if reloaded.differing and not quiet:
        errors.warn(f"{folder}: warning: made with other versions: {', '.join(reloaded.differing)}")
    with (
        errors.files(output or folder, "read or written"),
        terminal.progress(played.name, played.length, quiet) as advance,
    ):
        comparison = replay.replay(reloaded, output, lambda batch: advance(batch.clock))
    if as_json:
        click.echo(json.dumps(comparison.as_json(), indent=2))
    elif not quiet:
        tables.show(comparison.blocks())
    else:
        errors.warn(*comparison.problems())
    if not comparison.same:
        sys.exit(errors.DIFFERENT)
