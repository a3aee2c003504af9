"""`export`: a fixture in another format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import FormatName
from meshquake.commands.send import send

if TYPE_CHECKING:
    from meshquake.exporters.formats.registry import Format


@click.command(short_help="Convert a fixture to another format")
@options.fixture
@click.option(
    "--format",
    "format",
    type=FormatName(),
    required=True,
    help="One of the formats in docs/formats.md, or one from an installed package.",
)
@click.option(
    "--output",
    "target",
    metavar="PATH_OR_URL",
    type=options.PLACE,
    required=True,
    help="Folder to create, or URL of a receiver.",
)
@click.option("--with-truth", is_flag=True, help="Include the answer key, if the format has a place for it.")
@options.histograms
@options.summary_as_json
@options.quiet
def export(
    folder: Path, format: Format, target: str, with_truth: bool, histograms: str | None, as_json: bool, quiet: bool
) -> None:
    """Convert the records of a fixture to another format (see docs/formats.md).

    Given a URL, send them there by the protocol of the format, as fast as the receiver accepts them. `send` has more
    options.
    """
    from meshquake.commands import tables, terminal
    from meshquake.exporters.fixtures import export, reading
    from meshquake.exporters.formats.registry import FORMATS

    if with_truth and not format.truth:
        errors.fail(f"format {format.name} has no place for the answer key: leave out --with-truth")
    if histograms and not format.histograms:
        errors.fail(f"format {format.name} has no histograms of durations: leave out --histograms")
    if "://" in target:
        if format.protocol is None:
            sendable = " and ".join(name for name, each in FORMATS.items() if each.protocol)
            errors.fail(f"{target}: format {format.name} is written to files only; {sendable} can be sent to a URL")
        click.get_current_context().invoke(
            send,
            folder=folder,
            to=target,
            protocol=format.protocol,
            fast=True,
            histograms=histograms,
            as_json=as_json,
            quiet=quiet,
        )
        return
    output = Path(target)
    with errors.files(output, "read or written"):
        context = replace(reading.context(folder, with_truth), histograms=histograms or "explicit")
        with terminal.progress(format.name, context.length, quiet) as advance:
            files = export.export(folder, format, context, output, lambda batch: advance(batch.clock))
    if as_json:
        click.echo(json.dumps({"format": format.name, "folder": str(output), "files": files}, indent=2))
    elif not quiet:
        tables.show([export.facts(files, output)])
