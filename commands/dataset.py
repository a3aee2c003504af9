"""`dataset`: many cases, with answers in a tree of their own."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import FaultKind


@click.command(short_help="Generate a data set of many cases")
@click.option("--cases", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Number of cases.")
@click.option("--seed", type=options.SEED, default=1, show_default=True, help="Seed of all random draws.")
@click.option("--output", type=options.PATH, required=True, help="Folder to write the data set to.")
@click.option("--topology", "mesh", type=options.PATH, help="A topology file.  [default: the ten services]")
@options.observability
@options.calm
@click.option(
    "--kind",
    "kinds",
    type=FaultKind(),
    multiple=True,
    help="Kind of fault that incidents have, or all of them; may be repeated.  [default: those that `any` draws]",
)
@click.option("--latent", is_flag=True, help="Keep cases whose faults no user feels.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Number of processes; output does not depend on it.",
)
@options.summary_as_json
@options.quiet
def dataset(
    cases: int,
    seed: int,
    output: Path,
    mesh: Path | None,
    observability: str | None,
    calm: bool,
    kinds: tuple[str, ...],
    latent: bool,
    processes: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Generate a data set for evaluating diagnoses: faults of many kinds on all targets, and cases with nothing wrong.

    Telemetry and answers are in separate folders, and the names of the cases give nothing away.
    """
    from meshquake.commands import tables, terminal
    from meshquake.exporters.fixtures import dataset
    from meshquake.topology import loader, review

    loaded = loader.load(loader.named(mesh or loader.DEFAULT))
    order = dataset.Order(cases, seed, loaded, latent, kinds, observability, calm)
    done = count(1)
    odd: list[str] = []
    if not quiet:
        errors.warn(*review.unexpected(order.mesh))
    with errors.written(output), terminal.progress("cases", cases, quiet) as advance:

        def on_case(made: dataset.Made) -> None:
            odd.extend(filter(None, (made.odd,)))
            advance(next(done))

        content = dataset.generate(order, output, processes, on_case)
    if not quiet:
        errors.warn(*(f"warning: {each}" for each in odd))
    if as_json:
        click.echo(json.dumps(content, indent=2))
    elif not quiet:
        tables.show([dataset.facts(content, output)])
