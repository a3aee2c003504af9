"""`normal`, `cascade` and the others, `noise` and `scenario`: play a scenario and write its fixture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshquake.commands import errors, options

if TYPE_CHECKING:
    from meshquake.exporters.formats.registry import Format
    from meshquake.sim.records import Batch

#: Approximate records in a batch of a watched run: a second or two of ten services.
_WATCHED = 3_000


def _shipped(name: str, summary: str) -> click.Command:
    """Create the command that plays a shipped scenario."""

    @click.command(name, help=f"{summary}.", short_help=summary)
    @options.scenario
    def command(**chosen: Any) -> None:
        from meshquake.faults.loader import shipped

        play(shipped()[name], **chosen)

    return command


SHIPPED = (
    _shipped("normal", "An ordinary minute: nothing goes wrong"),
    _shipped("degradation", "A service gets slower and slower"),
    _shipped("outage", "The database fails"),
    _shipped("cascade", "A slow database takes half the mesh with it"),
    _shipped("deployment", "A bad version rolls out and is rolled back"),
)


@click.command(short_help="Noise that resembles an incident but harms no user")
@click.option(
    "--noise-type",
    type=click.Choice(["transient", "high-volume", "intermittent"]),
    required=True,
    help="Brief spikes on single replicas, many times the usual users, or scattered errors in every service.",
)
@options.scenario
def noise(noise_type: str, **chosen: Any) -> None:
    """Noise that resembles an incident but harms no user."""
    from meshquake.faults.loader import shipped

    play(shipped()[noise_type.replace("-", "_")], **chosen)


@click.command(short_help="Run a scenario file of your own")
@click.argument("file", type=options.PATH)
@options.scenario
def scenario(file: Path, **chosen: Any) -> None:
    """Run a scenario file of your own (see docs/scenarios.md)."""
    play(file, **chosen)


def play(
    file: Path,
    *,
    interval: float,
    seed: int,
    start: datetime,
    output: Path,
    as_json: bool,
    quiet: bool,
    watch: bool,
    truth: bool,
    formats: tuple[Format, ...],
    page: bool,
    **changes: Any,
) -> None:
    """Play a scenario file and write its fixture; `changes` are for `faults.loader.Options`."""
    from time import perf_counter

    from meshquake.commands import terminal
    from meshquake.commands.output import say
    from meshquake.commands.report import writer
    from meshquake.exporters.fixtures import writing
    from meshquake.exporters.reports import run
    from meshquake.faults import loader
    from meshquake.sim.simulation import Simulation
    from meshquake.sim.summary import Summary

    pages = writer() if page else None  # report missing libraries before the run
    loaded = loader.load(file, loader.Options(seed=seed, **changes))
    if not quiet:
        errors.warn(*loaded.warnings)
    played = loaded.scenario
    folder = writing.place(output, played)
    summary = Summary(played, start)
    began = perf_counter()
    watch = watch and not quiet and terminal.is_terminal(sys.stderr)
    simulation = Simulation.of(loaded, start=start, interval=interval, **({"batch": _WATCHED} if watch else {}))
    if not quiet:
        errors.warn(*(f"warning: {each}" for each in simulation.warnings))
    bar = terminal.progress(played.name, played.length, quiet or watch)
    view: AbstractContextManager[Callable[[Batch], None]] = nullcontext(lambda batch: None)
    if watch:
        from meshquake.commands.watching import watching

        view = watching(simulation)
    with errors.written(folder), bar as advance, view as hear:

        def on_batch(batch: Batch) -> None:
            summary.take(batch)
            advance(batch.clock)
            hear(batch)

        content = writing.write(simulation, folder, on_batch, truth, formats)
    speed = played.length / (perf_counter() - began)
    if pages is not None:
        target = pages.place(folder)
        with errors.written(target):
            pages.write(folder, target)
    summary.finish()
    if simulation.leftover and not quiet:
        errors.warn(f"warning: {simulation.leftover}")
    if as_json:
        click.echo(json.dumps(run.as_json(summary, played, folder, content, simulation.unfinished), indent=2))
    elif not quiet:
        from meshquake.commands import tables

        title = f"{played.name} on {loaded.topology.name}, seed {seed}: {played.summary}".removesuffix(": ")
        tables.show(run.blocks(summary, played, folder, title, speed))
        if pages is not None:
            say(f"report   {target}")
