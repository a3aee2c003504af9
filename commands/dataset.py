"""`dataset`: many cases, with their answers in a separate tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from meshquake.commands import errors, options
from meshquake.commands.parameters import FaultKind, Scheduler, Seconds, ShardOf
from meshquake.exporters.unfinished import EngineError

if TYPE_CHECKING:
    from meshquake.commands.terminal import Advance
    from meshquake.exporters.fixtures.dataset import Engine
    from meshquake.exporters.fixtures.order import Made
    from meshquake.exporters.fixtures.places import Place
    from meshquake.exporters.fixtures.shard import Shard
    from meshquake.topology.loader import LoadedTopology


_STAY = "complete cases are kept: continue with --resume"


@click.group(invoke_without_command=True, short_help="Generate a data set of many cases")
@click.option("--cases", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Number of cases.")
@click.option("--seed", type=options.SEED, default=1, show_default=True, help="Seed of all random draws.")
@click.option(
    "--output",
    metavar="DIR|URL",
    type=options.PLACE,
    help="Where to write the data set: a folder, or any address of fsspec.",
)
@click.option("--resume", is_flag=True, help="Continue from the cases that are already there.")
@click.option(
    "--shard", type=ShardOf(), help="Make only every N-th case, starting with the I-th; `merge` combines the shards."
)
@click.option("--parquet", is_flag=True, help="Also write the records as Parquet, one partition per case.")
@click.option(
    "--topology",
    "meshes",
    type=options.PATH,
    multiple=True,
    help="A topology file, or the name of a shipped one; may be repeated (cases take turns).  [default: ten-services]",
)
@click.option(
    "--topologies", "folder", type=options.PATH, help="Folder of topology files, which take turns with any others."
)
@click.option(
    "--difficulty",
    type=click.Choice(["easy", "mixed", "hard"]),
    help="How loud the root causes are, and what else is loud.  [default: as they come]",
)
@options.observability
@options.calm
@click.option(
    "--kind",
    "kinds",
    type=FaultKind(),
    multiple=True,
    help="Kind of fault in incidents, or all; may be repeated.  [default: those that `any` draws]",
)
@click.option(
    "--lead-in",
    type=Seconds(least=10, most=86400),
    help="Healthy time before each incident, in whole seconds.  [default: one to two minutes, at random]",
)
@click.option("--latent", is_flag=True, help="Keep cases whose faults no user feels.")
@click.option(
    "--workers",
    "--processes",
    "workers",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Number of processes on this machine; the output does not depend on it.",
)
@click.option(
    "--scheduler",
    type=Scheduler(),
    metavar="tcp://HOST:PORT",
    help="Make the cases on a Dask cluster instead of this machine.",
)
@options.summary_as_json
@options.quiet
@click.pass_context
def dataset(
    ctx: click.Context,
    cases: int,
    seed: int,
    output: str | None,
    resume: bool,
    shard: Shard | None,
    parquet: bool,
    meshes: tuple[Path, ...],
    folder: Path | None,
    difficulty: str | None,
    observability: str | None,
    calm: bool,
    kinds: tuple[str, ...],
    lead_in: float | None,
    latent: bool,
    workers: int,
    scheduler: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Generate a data set for evaluating diagnoses: faults of many kinds on all targets, and cases with nothing wrong.

    Telemetry and answers are in separate folders, and the names of the cases give nothing away.

    \b
    python run.py dataset --cases 500 --output cases
    python run.py dataset --cases 500 --output cases --resume      # after it was stopped
    python run.py dataset --cases 10000 --shard 3/64 --output s3://bucket/cases
    python run.py dataset merge s3://bucket/cases                  # once all shards are there
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return
    from meshquake.commands import terminal
    from meshquake.exporters.fixtures import dataset, places
    from meshquake.exporters.fixtures.shard import WHOLE
    from meshquake.topology import review

    if output is None:
        raise click.UsageError("Missing option '--output'.")
    if latent and difficulty:
        raise click.UsageError(
            "--latent keeps cases that no user feels, but --difficulty allows none: leave one of them out"
        )
    if scheduler is not None and ctx.get_parameter_source("workers") == ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--workers are processes on this machine, but --scheduler has workers of its own: leave one of them out"
        )
    mesh_files = _meshes(meshes, folder)
    order = dataset.Order(
        cases, seed, mesh_files, latent, kinds, observability, calm, difficulty, parquet, lead_in and round(lead_in)
    )
    if shard is not None and shard.of > cases:
        raise click.UsageError(f"--shard {shard}: there are only {cases} cases")
    if not quiet:
        errors.warn(*(warning for mesh in order.meshes for warning in review.unexpected(mesh)))
    number = len((shard or WHOLE).cases(cases))
    heard = _Heard()
    with errors.written(output):
        place = places.at(output)
    stopped = "Interrupted: complete cases are kept; continue with --resume."
    with (
        errors.told(interrupted=stopped),
        _engine(workers, scheduler, quiet) as engine,
        errors.written(output, lambda: _kept(place)),
        terminal.progress("cases", number, quiet) as advance,
    ):
        heard.advance = advance
        content = dataset.generate(order, place, engine, heard, shard, resume)
    if not quiet:
        errors.warn(*(f"warning: {each}" for each in heard.odd))
    if content is not None:
        _show(content, output, as_json, quiet)
    elif as_json:
        click.echo(json.dumps({"output": output, "shard": str(shard), "cases": number}, indent=2))
    elif not quiet:
        from meshquake.commands import tables
        from meshquake.exporters.blocks import Facts

        tables.show([Facts([("shard", str(shard)), ("cases", f"{number} of {cases}"), ("folder", output)])])


@dataset.command(short_help="Merge shards into a data set")
@click.argument("shards", metavar="DIR|URL...", type=options.PLACE, nargs=-1, required=True)
@click.option(
    "--output",
    metavar="DIR|URL",
    type=options.PLACE,
    help="Where to write the data set.  [default: where the shards are, if in one place]",
)
@options.summary_as_json
@options.quiet
def merge(shards: tuple[str, ...], output: str | None, as_json: bool, quiet: bool) -> None:
    """Merge shards made by `dataset --shard`, in any order, into the data set that one run would have made.

    The result has the same bytes. Shards may be in one place or in several; those already at the output are not copied.
    """
    from meshquake.commands import terminal
    from meshquake.exporters.fixtures import dataset, places

    if output is None:
        if len(shards) > 1:
            raise click.UsageError("Missing option '--output': there are several places.")
        output = shards[0]
    stopped = "Interrupted: cases already in place are kept; run the same command to continue."
    # The number of cases is known once the shards have been read.
    with (
        errors.told(interrupted=stopped),
        errors.files(output, "read or written"),
        terminal.progress("merge", 1, quiet) as advance,
    ):
        content = dataset.merge(
            [places.at(each) for each in shards], places.at(output), lambda done, total: advance(done / total)
        )
    _show(content, output, as_json, quiet)


class _Heard:
    """Receives the progress of a data set: the number of its cases, and warnings about them."""

    def __init__(self) -> None:
        self.cases = 0
        self.odd: list[str] = []
        self.advance: Advance = lambda clock: None

    def __call__(self, made: Made) -> None:
        self.cases += 1
        self.odd.extend(filter(None, (made.odd,)))
        self.advance(self.cases)


@contextmanager
def _engine(workers: int, scheduler: str | None, quiet: bool) -> Iterator[Engine]:
    """Yield what makes the cases, and report a scheduler that can't be reached."""
    from meshquake.exporters.fixtures import dataset

    if scheduler is None:
        yield dataset.processes(workers)
        return

    def tell(text: str) -> None:
        if not quiet:
            errors.warn(text)

    with ExitStack() as connection:
        try:
            engine = connection.enter_context(dataset.cluster(scheduler, tell))
        except EngineError as error:
            errors.fail(f"--scheduler: {error}")
        yield engine


def _kept(place: Place) -> str:
    """Say that complete cases are kept, if there are any: they may be complete without having been heard of."""
    from meshquake.exporters.fixtures import under_way

    with suppress(OSError):
        return _STAY if under_way.any_made(place) else ""
    return ""


def _refuse_options(ctx: click.Context) -> None:
    """Refuse options of `dataset` in front of a subcommand."""
    given = [name for name in ctx.params if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    if given:
        options = {each.name: each.opts[0] for each in ctx.command.params}
        raise click.UsageError(
            f"{options[given[0]]}: is for making a data set; options of {ctx.invoked_subcommand} go after its name"
        )


def _show(content: dict[str, Any], output: str, as_json: bool, quiet: bool) -> None:
    """Report a complete data set."""
    from meshquake.commands import tables
    from meshquake.exporters.fixtures import account

    if not quiet:
        errors.warn(*(f"warning: {each}" for each in filter(None, [account.shortfall(content)])))
    if as_json:
        click.echo(json.dumps(content, indent=2))
    elif not quiet:
        tables.show([account.facts(content, output)])


def _meshes(named: tuple[Path, ...], folder: Path | None) -> tuple[LoadedTopology, ...]:
    """Load the meshes of a data set; DocumentError with all problems of any of them."""
    from meshquake.topology import loader, outside
    from meshquake.topology.problems import DocumentError, Problem

    files = list(named)
    problems: list[Problem] = []
    if folder is not None:
        inside = folder.glob("*") if outside.is_folder(folder) else ()
        found = sorted(file for file in inside if file.suffix.lower() in (".yaml", ".yml"))
        files += found
        if not found:
            problems.append(Problem(str(folder), 0, "", "must be a folder with topology files, *.yaml"))
    loaded: dict[str, LoadedTopology] = {}
    for file in files or ([] if problems else [Path(loader.DEFAULT)]):
        try:
            mesh = loader.load(loader.named(file))
        except DocumentError as error:
            problems += error.problems
            continue
        if mesh.topology.name in loaded:
            again = f"is the second mesh called {mesh.topology.name}: each needs a name of its own"
            problems.append(Problem(str(file), 0, "name", again))
        loaded[mesh.topology.name] = mesh
    if problems:
        raise DocumentError(problems)
    return tuple(loaded.values())
