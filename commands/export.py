"""`export`: a fixture in another format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import FormatName
from meshquake.commands.send import send

if TYPE_CHECKING:
    from meshquake.exporters.formats.registry import Format


@click.command(short_help="A fixture in another format")
@options.fixture
@click.option("--format", "format", type=FormatName(), required=True, help="One of those in docs/formats.md.")
@click.option("--output", "target", metavar="PATH_OR_URL", required=True, help="The folder to make, or a receiver.")
@click.option("--with-truth", is_flag=True, help="Put in what was wrong, where the format has a place for it.")
@options.summary_as_json
@options.quiet
def export(folder: Path, format: Format, target: str, with_truth: bool, as_json: bool, quiet: bool) -> None:
    """Write a fixture's records in another format (see docs/formats.md).

    To an address they are sent as fast as it takes them, by the protocol of the format; `send` can do more.
    """
    from meshquake.commands import tables, terminal
    from meshquake.exporters.fixtures import export, reading
    from meshquake.exporters.formats.registry import FORMATS

    if with_truth and not format.truth:
        errors.fail(f"format {format.name} has no place for what was wrong: leave out --with-truth")
    if "://" in target:
        if format.protocol is None:
            sendable = " and ".join(name for name, each in FORMATS.items() if each.protocol)
            errors.fail(f"{target}: format {format.name} is one of files; to an address go {sendable}")
        click.get_current_context().invoke(
            send, folder=folder, to=target, protocol=format.protocol, fast=True, as_json=as_json, quiet=quiet
        )
        return
    output = Path(target)
    with errors.files(output, "read or written"):
        context = reading.context(folder, with_truth)
        with terminal.progress(format.name, context.length, quiet) as advance:
            files = export.export(folder, format, context, output, lambda batch: advance(batch.clock))
    if as_json:
        click.echo(json.dumps({"format": format.name, "folder": str(output), "files": files}, indent=2))
    elif not quiet:
        tables.show([export.facts(files, output)])
