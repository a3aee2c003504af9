"""`import`: a case in a foreign format, converted to a case of meshquake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import FormatName

if TYPE_CHECKING:
    from meshquake.exporters.formats.registry import Format


@click.command("import", short_help="Import a case in another format")
@click.argument("folder", metavar="DIR", type=options.PATH)
@click.option("--format", "format", type=FormatName(), required=True, help="Format of the case: openrca2.")
@click.option("--output", required=True, type=options.PATH, help="Folder to create.")
@options.summary_as_json
@options.quiet
def import_case(folder: Path, format: Format, output: Path, as_json: bool, quiet: bool) -> None:
    """Import a case that others recorded, as a case whose truth is withheld (see docs/formats.md).

    `export`, `serve`, `send` and `load` accept the result. The truth of the original is not read.
    """
    from meshquake.commands import tables
    from meshquake.exporters.blocks import Facts
    from meshquake.exporters.fixtures import importing
    from meshquake.exporters.formats.registry import FORMATS

    if format.reader is None:
        readable = ", ".join(name for name, each in FORMATS.items() if each.reader)
        errors.fail(f"format {format.name} can only be written; can be read: {readable}")
    if not folder.is_dir():
        errors.fail(f"{folder}: is not a folder; a case in format {format.name} is one")
    with errors.files(output, "read or written"):
        found = format.read(folder)
        written = importing.write(found, output)
    counts = {name.removesuffix(".ndjson"): each.records for name, each in written.items() if each.records is not None}
    if as_json:
        content = {"folder": str(output), "records": counts, "left_out": dict(found.left_out)}
        click.echo(json.dumps(content, indent=2))
    elif not quiet:
        records = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        rows = [("records", records), ("services", str(len(found.topology.services))), ("folder", str(output))]
        if found.left_out:
            lost = sum(found.left_out.values())
            names = ", ".join(found.left_out)
            rows.insert(1, ("left out", f"{lost} samples of metrics that have no name here: {names}"))
        tables.show([Facts(rows)])
