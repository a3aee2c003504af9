"""`dataset`: many cases, with answers in a tree of their own."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import FaultKind

if TYPE_CHECKING:
    from meshquake.topology.loader import LoadedTopology


@click.command(short_help="Generate a data set of many cases")
@click.option("--cases", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Number of cases.")
@click.option("--seed", type=options.SEED, default=1, show_default=True, help="Seed of all random draws.")
@click.option("--output", type=options.PATH, required=True, help="Folder to write the data set to.")
@click.option(
    "--topology",
    "meshes",
    type=options.PATH,
    multiple=True,
    help="A topology file, or the name of a shipped one; may be repeated (they take turns).  [default: ten-services]",
)
@click.option(
    "--topologies", "folder", type=options.PATH, help="Folder with topology files, which take turns with any others."
)
@click.option(
    "--difficulty",
    type=click.Choice(["easy", "mixed", "hard"]),
    help="How loud the roots of incidents are, and what else is loud.  [default: as they come]",
)
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
    meshes: tuple[Path, ...],
    folder: Path | None,
    difficulty: str | None,
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
    from meshquake.exporters.fixtures import account, dataset
    from meshquake.topology import review

    if latent and difficulty:
        raise click.UsageError(
            "--latent keeps cases that no user feels, and --difficulty has none: leave one of them out"
        )
    order = dataset.Order(cases, seed, _meshes(meshes, folder), latent, kinds, observability, calm, difficulty)
    done = count(1)
    odd: list[str] = []
    if not quiet:
        errors.warn(*(warning for mesh in order.meshes for warning in review.unexpected(mesh)))
    with errors.written(output), terminal.progress("cases", cases, quiet) as advance:

        def on_case(made: dataset.Made) -> None:
            odd.extend(filter(None, (made.odd,)))
            advance(next(done))

        content = dataset.generate(order, output, processes, on_case)
    if not quiet:
        errors.warn(*(f"warning: {each}" for each in (*odd, *filter(None, [account.shortfall(content)]))))
    if as_json:
        click.echo(json.dumps(content, indent=2))
    elif not quiet:
        tables.show([account.facts(content, output)])


def _meshes(named: tuple[Path, ...], folder: Path | None) -> tuple[LoadedTopology, ...]:
    """The meshes of a set; DocumentError with all that is wrong with any of them."""
    from meshquake.topology import loader, outside
    from meshquake.topology.problems import DocumentError, Problem

    files = [loader.named(mesh) for mesh in named]
    problems: list[Problem] = []
    if folder is not None:
        found = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if outside.is_folder(folder) else []
        files += found
        if not found:
            problems.append(Problem(str(folder), 0, "", "must be a folder with topology files, *.yaml"))
    loaded: dict[str, LoadedTopology] = {}
    for file in files or ([] if problems else [loader.named(loader.DEFAULT)]):
        try:
            mesh = loader.load(file)
        except DocumentError as error:
            problems += error.problems
            continue
        if mesh.topology.name in loaded:
            again = f"is the second mesh that is called {mesh.topology.name}: each needs a name of its own"
            problems.append(Problem(str(file), 0, "name", again))
        loaded[mesh.topology.name] = mesh
    if problems:
        raise DocumentError(problems)
    return tuple(loaded.values())
