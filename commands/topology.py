"""`topology`: looks at a topology file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from meshquake.commands import errors, options


@click.group(short_help="Check or show a topology file")
def topology() -> None:
    """Check or show a topology file."""


@topology.command(short_help="Check a topology file")
@click.argument("file", type=options.PATH)
@options.calm
def check(file: Path, calm: bool) -> None:
    """Check a topology file: report every problem, or "ok" and what is in it."""
    from meshquake.commands import output
    from meshquake.exporters.reports.outline import counts
    from meshquake.topology import loader
    from meshquake.topology.review import remarks
    from meshquake.topology.units import counted

    loaded = loader.load(loader.named(file))
    if calm:
        loaded = replace(loaded, topology=loaded.topology.calm())
    errors.warn(*remarks(loaded))
    mesh = loaded.topology
    output.say(f"ok: {counts(mesh)}, {counted(len(mesh.workload.mix), 'entry operation')}")


@topology.command(short_help="Show services, users, call trees and policies")
@click.argument("file", type=options.PATH, required=False)
@click.option(
    "--dot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write Graphviz source to this file (- for standard output).",
)
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an SVG picture to this file (- for standard output).",
)
@options.calm
def show(file: Path | None, dot: Path | None, svg: Path | None, calm: bool) -> None:
    """Show the services, users, call trees and policies of a topology (default: the ten services)."""
    from meshquake.commands import tables
    from meshquake.exporters.reports import outline
    from meshquake.topology import loader, picture

    mesh = loader.load(loader.named(file or loader.DEFAULT)).topology
    mesh = mesh.calm() if calm else mesh
    for path, draw in ((dot, picture.dot), (svg, picture.svg)):
        if path is not None:
            _write(path, draw(mesh))
    if dot is None and svg is None:
        tables.show(outline.blocks(mesh))


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    from meshquake.exporters.fixtures import staging

    with errors.written(path):
        staging.write_text(path, text)
