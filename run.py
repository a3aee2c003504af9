"""The command line: parses, calls, prints. What it can do is in the rooms beside it.

Everything but click is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from topology.document import Problem
    from topology.loader import Loaded

#: Exit statuses: bad input or output that can't be written; interrupted (128 + SIGINT).
BAD_INPUT, INTERRUPTED = 2, 130


class Seconds(click.ParamType[float]):
    """A length of time: seconds, or with a unit."""

    name = "time"

    def __init__(self, least: float = 0.0, most: float = 366 * 86400.0) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from topology.units import duration, parse_duration

        try:
            seconds = value if isinstance(value, float) else parse_duration(value, plain_seconds=True)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= seconds <= self._most:
            self.fail(f"must be from {duration(self._least)} to {duration(self._most)}, not {value}", param, ctx)
        return seconds


class Number(click.ParamType[float]):
    """A finite number above 0, up to a bound."""

    name = "number"

    def __init__(self, high: float) -> None:
        self._high = high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            self.fail(f"must be a number, not {value!r}", param, ctx)
        if not 0 < number <= self._high:
            self.fail(f"must be above 0 and at most {self._high:g}, not {value}", param, ctx)
        return number


class Start(click.ParamType[datetime]):
    """A moment: ISO 8601 (UTC unless it says otherwise), or `now`."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)  # the only look at the clock; the manifest keeps what it was
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"must be ISO 8601, as in 2024-01-15T10:30:00Z, or now; not {value!r}", param, ctx)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        try:
            moment = moment.astimezone(UTC)
            if not 1970 <= moment.year <= 9000:
                raise OverflowError
        except OverflowError:
            self.fail(f"must be a year from 1970 to 9000, not {value!r}", param, ctx)
        return moment


def scenario_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that plays a scenario."""
    path = click.Path(path_type=Path)
    for option in reversed(
        (
            click.option("--duration", type=Seconds(0.001), help="Length of the incident.  [default: the scenario's]"),
            click.option("--lead-in", type=Seconds(), help="Time recorded before it.  [default: the scenario's]"),
            click.option("--recovery", type=Seconds(), help="Time recorded after it.  [default: the scenario's]"),
            click.option(
                "--interval",
                type=Seconds(0.001, 86400.0),
                default=1.0,
                help="Time between samples of metrics.  [default: 1s]",
            ),
            click.option("--rate", type=Number(1e6), help="Requests a second.  [default: the topology's]"),
            click.option("--severity", type=Number(1.0), default=1.0, show_default=True, help="Scales every fault."),
            click.option(
                "--seed", type=click.IntRange(0, 2**63 - 1), default=42, show_default=True, help="Seed of every draw."
            ),
            click.option(
                "--start", type=Start(), default="2024-01-15T10:30:00Z", show_default=True, help="ISO 8601, or now."
            ),
            click.option(
                "--topology",
                type=path,
                help="A topology file, or the name of a shipped one.  [default: the scenario's]",
            ),
            click.option(
                "--output", type=path, default="output/fixtures", show_default=True, help="Folder of all fixtures."
            ),
            click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output."),
            click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for)."),
        )
    ):
        command = option(command)
    return command


class Commands(click.Group):
    """Commands that say in a line that standard output is full."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads any more: click ends without a word
            # What can't be written is still buffered, and would be tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _fail(f"{error.filename or 'standard output'}: cannot be written: {error.strerror or error}")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulate incidents in a service mesh and write the telemetry they leave.

    Times are seconds, or have a unit: 90, 90s, 2m. The same scenario, seed and versions give the same bytes.
    """


def _shipped(name: str, summary: str) -> None:
    @main.command(name, help=f"{summary}.", short_help=summary)
    @scenario_options
    def command(**options: Any) -> None:
        from faults.loader import shipped

        _play(shipped()[name], **options)


for _name, _summary in (
    ("normal", "An ordinary minute: nothing goes wrong"),
    ("degradation", "A service gets slower and slower"),
    ("outage", "The database fails"),
    ("cascade", "A slow database takes half the mesh with it"),
    ("deployment", "A bad version rolls out and is rolled back"),
):
    _shipped(_name, _summary)


@main.command(short_help="What looks bad and isn't")
@click.option(
    "--noise-type",
    type=click.Choice(["transient", "high-volume", "intermittent"]),
    required=True,
    help="Short spikes of single replicas, many times the users, or errors strewn over every service.",
)
@scenario_options
def noise(noise_type: str, **options: Any) -> None:
    """What looks bad and isn't: no user is harmed."""
    from faults.loader import shipped

    _play(shipped()[noise_type.replace("-", "_")], **options)


@main.command(short_help="A scenario file of your own")
@click.argument("file", type=click.Path(path_type=Path))
@scenario_options
def scenario(file: Path, **options: Any) -> None:
    """Play a scenario file of your own (see docs/scenarios.md)."""
    _play(file, **options)


@main.command("list-fixtures", short_help="What has been generated")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="output/fixtures",
    show_default=True,
    help="Folder of all fixtures.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_fixtures(output: Path, as_json: bool) -> None:
    """List what has been generated: scenario, seed, span of time, records by kind, size."""
    from exporters import fixture, listing

    if not output.is_dir():
        _fail(f"{output}: no such folder; fixtures are made by, for example, `python run.py cascade`")
    found, unreadable = fixture.find(output)
    if as_json:
        click.echo(json.dumps([listing.as_json(entry) for entry in found], indent=2))
    else:
        click.echo("\n".join(listing.lines(found, output)))
    for error in unreadable:
        click.echo(str(error), err=True)
    if unreadable or any(entry.problem for entry in found):
        sys.exit(BAD_INPUT)


@main.group()
def topology() -> None:
    """Look at a topology file."""


@topology.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Report every problem of a topology file, or "ok" and its counts."""
    from topology.review import remarks

    loaded = _load_topology(file)
    _print(remarks(loaded))
    mesh = loaded.topology
    operations = sum(len(service.operations) for service in mesh.services)
    click.echo(
        f"ok: {mesh.name}: {len(mesh.services)} services, {operations} operations, {len(mesh.edges)} edges, "
        f"{len(mesh.workload.mix)} entry operations"
    )


@topology.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--dot", type=click.Path(path_type=Path, dir_okay=False), help="Write Graphviz source to this file, or - ."
)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture to this file, or - .")
def show(file: Path | None, dot: Path | None, svg: Path | None) -> None:
    """Show services, operations, policies and call tree of a topology (default: the ten services)."""
    from topology import picture
    from topology.loader import DEFAULT, shipped

    mesh = _load_topology(file or shipped()[DEFAULT]).topology
    for path, draw in ((dot, picture.dot), (svg, picture.svg)):
        if path is not None:
            _write(path, draw(mesh))
    if dot is None and svg is None:
        click.echo(picture.text(mesh))


def _play(file: Path, **options: Any) -> None:
    """Play a scenario file and write its fixture, with the options of `scenario_options`."""
    try:
        _generate(file, **options)
    except KeyboardInterrupt:
        click.echo("Interrupted: no half-written fixture is left.", err=True)
        sys.exit(INTERRUPTED)


def _generate(
    file: Path,
    *,
    interval: float,
    seed: int,
    start: datetime,
    output: Path,
    as_json: bool,
    quiet: bool,
    **changes: Any,
) -> None:
    """Play and write; `changes` are what is set in place of what the scenario file says (`faults.loader.Options`)."""
    from time import perf_counter

    from exporters import fixture, terminal
    from faults import loader
    from sim.simulation import Simulation
    from sim.summary import Summary
    from topology.document import DocumentError

    options = loader.Options(**changes)
    try:
        loaded = loader.load(file, options)
    except DocumentError as error:
        _refuse(error.problems)
    if not quiet:
        _print(loaded.warnings)
    played = loaded.scenario
    folder = fixture.place(output, played)
    summary = Summary(played, start)
    began = perf_counter()
    try:
        simulation = Simulation(played, loaded.topology, seed=seed, start=start, interval=interval)
        with terminal.progress(played.name, played.length, quiet) as advance:

            def on_batch(batch: Any) -> None:
                summary.take(batch)
                advance(batch.clock)

            content = fixture.write(simulation, folder, options.severity, on_batch)
    except OSError as error:
        _fail(f"{folder}: cannot be written: {error.strerror or error}")
    summary.finish()
    if as_json:
        click.echo(json.dumps(terminal.as_json(summary, folder, content), indent=2))
    elif not quiet:
        title = f"{played.name} on {loaded.topology.name}, seed {seed}: {played.summary}".removesuffix(": ")
        terminal.show(summary, folder, title, played.length / (perf_counter() - began))


def _load_topology(file: Path) -> Loaded:
    """Load a topology, or print its errors and exit."""
    from topology.document import DocumentError
    from topology.loader import load, shipped

    try:
        return load(shipped().get(str(file), file))
    except DocumentError as error:
        _refuse(error.problems)


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        _fail(f"{path}: cannot be written: {error.strerror or error}")


def _print(problems: Any) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)


def _refuse(problems: tuple[Problem, ...]) -> NoReturn:
    _print(problems)
    sys.exit(BAD_INPUT)


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
