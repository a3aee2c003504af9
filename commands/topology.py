"""`topology`: looks at a topology file."""

from __future__ import annotations

from collections.abc import Callable
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


def _picture(kind: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option to write a picture of a kind to a file."""
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option(f"--{kind}", type=path, help=f"Write {what} to this file (- for standard output).")


@topology.command(short_help="Show services, users, call trees and policies")
@click.argument("file", type=options.PATH, required=False)
@_picture("dot", "Graphviz source")
@_picture("svg", "an SVG picture")
@_picture("png", "a PNG picture")
@_picture("html", "a page with the picture, to look around in,")
@options.calm
def show(file: Path | None, calm: bool, **pictures: Path | None) -> None:
    """Show the services, users, call trees and policies of a topology (default: the ten services)."""
    from meshquake.commands import tables
    from meshquake.exporters.pictures import made
    from meshquake.exporters.reports import outline
    from meshquake.topology import loader

    mesh = loader.load(loader.named(file or loader.DEFAULT)).topology
    mesh = mesh.calm() if calm else mesh
    asked = {kind: path for kind, path in pictures.items() if path is not None}
    for kind, path in asked.items():
        _write(path, made(kind, mesh))
    if not asked:
        tables.show(outline.blocks(mesh))


def _write(path: Path, content: str | bytes) -> None:
    if str(path) == "-":
        click.echo(content, nl=False)
        return
    from meshquake.exporters.fixtures import staging

    with errors.written(path):
        staging.write_bytes(path, content.encode() if isinstance(content, str) else content)
