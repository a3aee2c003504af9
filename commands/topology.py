"""`topology`: checks, shows or generates a topology file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import Amount


@click.group(short_help="Check, show or generate a topology file")
def topology() -> None:
    """Check, show or generate a topology file."""


@topology.command(short_help="Check a topology file")
@click.argument("file", type=options.PATH)
@options.calm
def check(file: Path, calm: bool) -> None:
    """Check a topology file: report every problem, or print "ok" and a summary."""
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
    """Create the option that writes a kind of picture to a file."""
    return click.option(f"--{kind}", type=options.FILE, help=f"Write {what} to this file (- for standard output).")


@topology.command(short_help="Show services, users, call trees and policies")
@click.argument("file", type=options.PATH, required=False)
@_picture("dot", "Graphviz source")
@_picture("svg", "an SVG picture")
@_picture("png", "a PNG picture")
@_picture("html", "an interactive page with the picture")
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


@topology.command(short_help="Generate a mesh shaped like real ones")
@click.option("--services", type=click.IntRange(10, 2000), default=50, show_default=True, help="Number of services.")
@click.option("--seed", type=options.SEED, default=1, show_default=True, help="Seed of all random draws.")
@click.option(
    "--rate",
    type=Amount("rate", 1e5),
    help="Requests per second; replicas are sized for them.  [default: 5 times the square root of --services]",
)
@click.option(
    "--entries", type=click.IntRange(1), help="Number of services that users call.  [default: 13% of --services]"
)
@click.option(
    "--output",
    type=options.FILE,
    default="-",
    help="Topology file to write; it must not exist.  [default: standard output]",
)
def generate(services: int, seed: int, rate: float | None, entries: int | None, output: Path) -> None:
    """Generate a topology file: a mesh shaped like real ones, from published statistics of call graphs.

    The same options give the same bytes.
    """
    from meshquake.sim.version import VERSION
    from meshquake.topology import generating, outside

    most = services // 2
    if entries is not None and entries > most:
        raise click.UsageError(f"--entries {entries} is too many: users can call at most {most} of {services} services")
    if outside.is_file(output) and output.stat().st_size:
        errors.fail(f"{output}: cannot be written: it already exists and is not empty")
    text = generating.generate(generating.Order(services, seed, rate, entries), VERSION)
    _write(output, text)


def _write(path: Path, content: str | bytes) -> None:
    if str(path) == "-":
        click.echo(content, nl=False)
        return
    from meshquake.exporters.fixtures import staging

    with errors.written(path):
        staging.write_bytes(path, content.encode() if isinstance(content, str) else content)
