"""The command line: parses, calls, prints. What it can do is in the rooms beside it.

Everything but click is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from meshquake.commands.schema import schema

if TYPE_CHECKING:
    from meshquake.exporters.fixtures.replay import Reloaded
    from meshquake.exporters.formats.registry import Format
    from meshquake.topology.document import Problem
    from meshquake.topology.loader import LoadedTopology

#: Exit statuses: a second run that isn't the same; bad input or output that can't be written; interrupted
#: (128 + SIGINT).
DIFFERENT, BAD_INPUT, INTERRUPTED = 1, 2, 130


class Seconds(click.ParamType[float]):
    """A length of time: seconds, or with a unit."""

    name = "time"

    def __init__(self, least: float = 0.0, most: float = 366 * 86400.0) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from meshquake.topology.units import duration, parse_duration

        try:
            seconds = value if isinstance(value, float) else parse_duration(value, plain_seconds=True)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= seconds <= self._most:
            self.fail(f"must be from {duration(self._least)} to {duration(self._most)}, not {value}", param, ctx)
        return seconds


class Amount(click.ParamType[float]):
    """A number above 0, up to a bound, written as files have it: `unit` is one of `topology.units.UNITS`."""

    def __init__(self, unit: str, high: float) -> None:
        self.name = unit
        self._high = high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from meshquake.topology.units import UNITS

        unit = UNITS[self.name]
        try:
            amount: float = value if isinstance(value, float) else unit.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0 < amount <= self._high:
            self.fail(f"must be above 0 and at most {unit.show(self._high)}, not {value}", param, ctx)
        return amount


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


class FormatName(click.ParamType["Format"]):
    """The name of a format."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        from meshquake.exporters.formats.registry import FORMATS
        from meshquake.topology.document import suggestion

        if value not in FORMATS:
            self.fail(f"no format is called {value!r}{suggestion(value, FORMATS)}", param, ctx)
        return FORMATS[value]


class Header(click.ParamType[tuple[str, str]]):
    """A header of HTTP: its name and its value."""

    name = "name: value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, colon, text = value.partition(":")
        if not colon or not name.strip():
            self.fail(f"must be a name and a value, as in 'X-Scope-OrgID: me', not {value!r}", param, ctx)
        return name.strip(), text.strip()


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
                help="Time between samples of metrics, the recording at most.  [default: 1s]",
            ),
            click.option("--rate", type=Amount("rate", 1e6), help="Requests a second.  [default: the topology's]"),
            click.option(
                "--severity", type=Amount("ratio", 1.0), default=1.0, help="Scales every fault.  [default: 1]"
            ),
            click.option(
                "--confounders",
                type=click.Choice(["none", "some", "many"]),
                help="Harmless things that happen besides.  [default: the scenario's]",
            ),
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
            click.option(
                "--truth/--no-truth",
                default=True,
                show_default=True,
                help="Write the answer key, for which it is played again without its faults.",
            ),
            click.option(
                "--format",
                "formats",
                type=FormatName(),
                multiple=True,
                help="Write the records as this too, into a folder of its own in the fixture; may be given again.",
            ),
            click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output."),
            click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for)."),
        )
    ):
        command = option(command)
    return command


class Commands(click.Group):
    """Commands that say in a line that they were interrupted, or that standard output is full."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)  # --help and the like are printed outside of `invoke`
        except OSError as error:  # but for EPIPE, if nobody reads any more: then click ends without a word
            # What can't be written is still buffered, and would be tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _fail(f"{error.filename or 'standard output'}: cannot be written: {error.strerror or error}")

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted: nothing half-written is left.", err=True)
            sys.exit(INTERRUPTED)


def _show_versions(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from platform import python_version

    from meshquake.exporters.fixtures.manifest import versions

    name, *others = versions().items()
    click.echo("\n".join(f"{what} {version}" for what, version in (name, ("Python", python_version()), *others)))
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_versions,
    help="Show the versions of this and of what else decides the bytes, and exit.",
)
def main() -> None:
    """Simulate incidents in a service mesh and write the telemetry they leave.

    Times are seconds, or have a unit: 90, 90s, 2m; likewise rates, 20, 20/s, 10/m, and shares, 0.5, 50%. The same
    scenario, seed and versions give the same bytes.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As on standard error: a character that the locale lacks is told by its number.
        sys.stdout.reconfigure(errors="backslashreplace")


def _shipped(name: str, summary: str) -> None:
    @main.command(name, help=f"{summary}.", short_help=summary)
    @scenario_options
    def command(**options: Any) -> None:
        from meshquake.faults.loader import shipped

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
    from meshquake.faults.loader import shipped

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
    from meshquake.exporters.fixtures import listing

    if not output.is_dir():
        _fail(f"{output}: no such folder; fixtures are made by, for example, `python run.py cascade`")
    found, unreadable = listing.find(output)
    if as_json:
        click.echo(json.dumps([listing.as_json(entry) for entry in found], indent=2))
    else:
        click.echo("\n".join(listing.lines(found, output)))
    for error in unreadable:
        click.echo(str(error), err=True)
    if unreadable or any(entry.problem for entry in found):
        sys.exit(BAD_INPUT)


@main.command(short_help="A fixture again, to the byte")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the second run.  [default: it isn't kept]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for).")
def replay(folder: Path, output: Path | None, as_json: bool, quiet: bool) -> None:
    """Run a fixture again from its manifest, and say of each file whether it comes out the same, to the byte.

    The exit status is 1 if one doesn't.
    """
    from meshquake.commands import terminal
    from meshquake.exporters.fixtures import replay

    reloaded = _reload(folder)
    played = reloaded.loaded.scenario
    if reloaded.differing and not quiet:
        click.echo(f"{folder}: warning: made with other versions: {', '.join(reloaded.differing)}", err=True)
    try:
        with terminal.progress(played.name, played.length, quiet) as advance:
            comparison = replay.replay(reloaded, output, lambda batch: advance(batch.clock))
    except OSError as error:
        _fail(f"{error.filename or output}: cannot be read or written: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(comparison.as_json(), indent=2))
    elif not quiet:
        click.echo("\n".join(comparison.lines()))
    else:
        for line in comparison.problems():
            click.echo(line, err=True)
    if not comparison.same:
        sys.exit(DIFFERENT)


@main.command(short_help="The same requests once more, with one thing changed")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--without", "without", metavar="FAULT", multiple=True, help="Leave out a fault, by its id.")
@click.option(
    "--set", "assignments", metavar="PATH=VALUE", multiple=True, help="Change the topology, a policy or a fault."
)
@click.option("--topology", "mesh", metavar="FILE", type=click.Path(path_type=Path), help="Play on another mesh.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def whatif(
    folder: Path, without: tuple[str, ...], assignments: tuple[str, ...], mesh: Path | None, as_json: bool
) -> None:
    """Run a fixture again with something changed, and compare it with what was, request by request.

    \b
    python run.py whatif DIR --without slow-1
    python run.py whatif DIR --set services.database.replicas=3
    python run.py whatif DIR --set "edges.auth-service -> database.breaker=none" --set defaults.edge.timeout=500ms
    python run.py whatif DIR --set faults.slow-1.for=70%
    """
    from dataclasses import replace

    from meshquake.commands import terminal
    from meshquake.exporters.reports import difference
    from meshquake.faults import edits
    from meshquake.topology.document import DocumentError
    from meshquake.truth.whatif import compare

    if not (without or assignments or mesh):
        _fail("nothing to change: give --without, --set or --topology")
    reloaded = _reload(folder)
    text = None if mesh is None else _load_topology(mesh).document.text
    try:
        changed = reloaded.recipe.load_with(assignments, text)
        _print(changed.scenario_document.problems)
        changed = replace(changed, scenario=edits.without(changed.scenario, without))
    except DocumentError as error:
        _refuse(error.problems)
    except ValueError as error:
        _fail(str(error))
    played = reloaded.loaded.scenario
    with terminal.progress(played.name, played.length, as_json) as advance:
        found = compare(reloaded.simulation(reloaded.loaded), reloaded.simulation(changed), advance)
    changes = {"without": list(without), "set": list(assignments), "topology": None if mesh is None else str(mesh)}
    if as_json:
        click.echo(json.dumps(difference.as_json(found, changes), indent=2))
    else:
        words = [f"without {name}" for name in without] + list(assignments) + ([f"on {mesh}"] if mesh else [])
        click.echo("\n".join(difference.lines(found, ", ".join(words))))


@main.command(short_help="A fixture in another format")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "format", type=FormatName(), required=True, help="One of those in docs/formats.md.")
@click.option("--output", "target", metavar="PATH_OR_URL", required=True, help="The folder to make, or a receiver.")
@click.option("--with-truth", is_flag=True, help="Put in what was wrong, where the format has a place for it.")
@click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output.")
@click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for).")
def export(folder: Path, format: Format, target: str, with_truth: bool, as_json: bool, quiet: bool) -> None:
    """Write a fixture's records in another format (see docs/formats.md).

    To an address they are sent as fast as it takes them, by the protocol of the format; `send` can do more.
    """
    from meshquake.commands import terminal
    from meshquake.exporters.extras import MissingExtraError
    from meshquake.exporters.fixtures import export, reading
    from meshquake.exporters.fixtures.answer_key import TruthError
    from meshquake.exporters.fixtures.manifest import ManifestError
    from meshquake.topology.document import DocumentError
    from meshquake.topology.units import size

    if with_truth and not format.truth:
        _fail(f"format {format.name} has no place for what was wrong: leave out --with-truth")
    if "://" in target:
        if format.protocol is None:
            _fail(f"{target}: format {format.name} is one of files; to an address go {' and '.join(_sendable())}")
        click.get_current_context().invoke(
            send, folder=folder, to=target, protocol=format.protocol, fast=True, as_json=as_json, quiet=quiet
        )
        return
    output = Path(target)
    try:
        context = reading.context(folder, with_truth)
        with terminal.progress(format.name, context.length, quiet) as advance:
            files = export.export(folder, format, context, output, lambda batch: advance(batch.clock))
    except KeyboardInterrupt:
        click.echo("Interrupted: nothing half-written is left.", err=True)
        sys.exit(INTERRUPTED)
    except (ManifestError, TruthError, MissingExtraError) as error:
        _fail(str(error))
    except DocumentError as error:
        _refuse(error.problems)
    except FileExistsError as error:
        _fail(f"{error.filename}: cannot be written: {error.strerror}")
    except OSError as error:
        _fail(f"{error.filename or output}: cannot be read or written: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps({"format": format.name, "folder": str(output), "files": files}, indent=2))
    elif not quiet:
        click.echo("\n".join(f"{output / name}  {size(written, digits=3)}" for name, written in files.items()))


def _sendable() -> list[str]:
    """The formats that a protocol takes to an address."""
    from meshquake.exporters.formats.registry import FORMATS

    return [name for name, each in FORMATS.items() if each.protocol]


@main.command(short_help="A fixture into a database")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--into", "url", metavar="URL", required=True, help="sqlite:///FILE, duckdb:///FILE, postgresql://… or mongodb://…"
)
@click.option(
    "--fixture-id", metavar="NAME", help="Its id there.  [default: the scenario's name and a hash of the records]"
)
@click.option("--with-truth", is_flag=True, help="Load the answer key too, into tables of its own.")
@click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output.")
@click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for).")
def load(folder: Path, url: str, fixture_id: str | None, with_truth: bool, as_json: bool, quiet: bool) -> None:
    """Load a fixture into a database, beside those that are there, as a whole or not at all (see docs/databases.md).

    What is there already stays as it is.
    """
    from meshquake.commands import terminal
    from meshquake.exporters.databases import load
    from meshquake.exporters.databases.database import DatabaseError
    from meshquake.exporters.extras import MissingExtraError
    from meshquake.exporters.fixtures.answer_key import TruthError
    from meshquake.exporters.fixtures.manifest import ManifestError

    try:
        with terminal.progress("rows", load.size(folder, with_truth), quiet) as advance:
            loaded = load.load(folder, url, fixture_id, with_truth, advance)
    except KeyboardInterrupt:
        click.echo("Interrupted: the database is as it was.", err=True)
        sys.exit(INTERRUPTED)
    except (ManifestError, TruthError, MissingExtraError, DatabaseError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or folder}: cannot be read: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps({"fixture": loaded.fixture, "rows": loaded.rows}, indent=2))
    elif not quiet:
        counts = ", ".join(f"{rows} {table}" for table, rows in loaded.rows.items())
        click.echo(f"{loaded.fixture}: {counts or 'is there already'}")


@main.command(short_help="Mark an answer")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    required=True,
    help="The answer, or for a data set a folder with an answer, CASE.json, for each case.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def score(folder: Path, answers: Path, as_json: bool) -> None:
    """Mark what was answered to a fixture, to a case of a data set, or to a whole data set (see docs/scoring.md)."""
    from meshquake.exporters.fixtures.answer_key import TruthError
    from meshquake.exporters.reports.marking import report
    from meshquake.topology.document import DocumentError

    try:
        marked = report(folder, answers)
    except TruthError as error:
        _fail(str(error))
    except DocumentError as error:
        _refuse(error.problems)
    click.echo(json.dumps(marked.content, indent=2) if as_json else "\n".join(marked.lines))


@main.command(short_help="An incident, or one request, in words")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("trace_id", required=False)
def explain(folder: Path, trace_id: str | None) -> None:
    """Tell an incident, or one of its requests, in words, from the answer key."""
    from meshquake.exporters.fixtures.answer_key import TruthError
    from meshquake.exporters.reports import explain

    try:
        lines = explain.incident(folder) if trace_id is None else explain.request(folder, trace_id)
    except TruthError as error:
        _fail(str(error))
    click.echo("\n".join(lines))


@main.command(short_help="Many cases, with answers in a tree of their own")
@click.option("--cases", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Seed of what is drawn.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the data set.")
@click.option(
    "--topology", "mesh", type=click.Path(path_type=Path), help="A topology file.  [default: the ten services]"
)
@click.option("--latent", is_flag=True, help="Keep cases whose faults no user feels.")
@click.option("--processes", type=click.IntRange(1, 256), default=2, show_default=True, help="They change no byte.")
@click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output.")
@click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for).")
def dataset(
    cases: int, seed: int, output: Path, mesh: Path | None, latent: bool, processes: int, as_json: bool, quiet: bool
) -> None:
    """Make a data set to test diagnoses with: faults of all kinds on all targets, and cases with nothing wrong.

    Telemetry and answers stand in trees of their own, and the cases' names tell nothing.
    """
    from meshquake.commands import terminal
    from meshquake.exporters.fixtures import dataset
    from meshquake.topology.loader import DEFAULT, shipped

    order = dataset.Order(cases, seed, _load_topology(mesh or shipped()[DEFAULT]), latent)
    done = 0
    try:
        with terminal.progress("cases", cases, quiet) as advance:

            def on_case(made: Any) -> None:
                nonlocal done
                done += 1
                advance(done)

            content = dataset.generate(order, output, processes, on_case)
    except dataset.NoCaseError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{output}: cannot be written: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(content, indent=2))
    elif not quiet:
        click.echo("\n".join(dataset.lines(content, output)))


@main.command(short_help="A fixture over HTTP, as if it happened now")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on: by default, this machine's."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for any that is free.")
@click.option(
    "--speed", type=Amount("number", 10_000), default=1.0, help="Recorded seconds that pass in a second.  [default: 1]"
)
@click.option("--loop", is_flag=True, help="Begin anew after the end, at later times.")
@click.option("--with-truth", is_flag=True, help="Serve the answer key too.")
@click.option("--connections", type=click.IntRange(1, 10_000), default=256, show_default=True, help="How many at once.")
def serve(folder: Path, **options: Any) -> None:
    """Serve a fixture over HTTP, as if it happened now, until Ctrl-C (see docs/streaming.md)."""
    import time

    from meshquake.exporters import extras
    from meshquake.exporters.fixtures.answer_key import TruthError
    from meshquake.exporters.fixtures.manifest import ManifestError
    from meshquake.topology.document import DocumentError

    listening = False

    def on_ready(address: str) -> None:
        nonlocal listening
        listening = True
        click.echo(f"serving {folder} at {address}")

    try:
        site = extras.load("meshquake.exporters.server.site", "serve", "serve")
        site.serve(folder, clock=time, on_ready=on_ready, **options)
    except KeyboardInterrupt:
        click.echo("stopped")
    except (extras.MissingExtraError, ManifestError, TruthError) as error:
        _fail(str(error))
    except DocumentError as error:
        _refuse(error.problems)
    except OSError as error:
        if listening:
            raise
        why = (error.strerror or str(error)).partition(" (")[0]  # behind it Python says the address once more
        _fail(f"{options['host']}:{options['port']}: cannot listen: {why}")


@main.command(short_help="A fixture into what takes telemetry")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--to", metavar="URL", required=True, help="The receiver; without a path, at the protocol's usual one.")
@click.option(
    "--protocol",
    type=click.Choice(["otlp-http", "remote-write", "loki", "elasticsearch"]),
    default="otlp-http",
    show_default=True,
    help="What it speaks.",
)
@click.option(
    "--speed", type=Amount("number", 10_000), default=1.0, help="Recorded seconds that pass in a second.  [default: 1]"
)
@click.option("--fast", is_flag=True, help="As fast as it's taken, in place of --speed.")
@click.option("--shift-to-now", is_flag=True, help="Shift times, so that the recording ends when sending does.")
@click.option("--header", "headers", type=Header(), multiple=True, help="Send this too; may be given again.")
@click.option("--patience", type=Seconds(), default=60.0, help="How long to try again with a request.  [default: 1m]")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Keep in this file how far it got, and go on from there."
)
@click.option("--json", "as_json", is_flag=True, help="A summary for programs on standard output.")
@click.option("--quiet", is_flag=True, help="Print errors only (and what --json asks for).")
def send(
    folder: Path,
    protocol: str,
    speed: float,
    fast: bool,
    shift_to_now: bool,
    headers: tuple[tuple[str, str], ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Push a fixture into what takes telemetry (see docs/streaming.md)."""
    import time
    from math import inf

    from meshquake.commands import terminal
    from meshquake.exporters import extras
    from meshquake.exporters.fixtures import reading
    from meshquake.exporters.fixtures.manifest import ManifestError
    from meshquake.exporters.sending.progress import ProgressError
    from meshquake.exporters.sending.protocols import PROTOCOLS, DeliveryError
    from meshquake.topology.document import DocumentError

    sent, problem, status = None, "", 0
    try:
        sending = extras.load("meshquake.exporters.sending.send", "send", "send")
        order = sending.Order(
            folder,
            reading.context(folder),
            push=PROTOCOLS[protocol],
            speed=inf if fast else speed,
            now=datetime.now(UTC) if shift_to_now else None,
            headers=dict(headers),
            **options,
        )
        with terminal.progress(protocol, order.context.length, quiet) as advance:
            for sent in sending.send(order, time):
                advance(sent.second)
    except KeyboardInterrupt:
        problem, status = "Interrupted.", INTERRUPTED
    except DocumentError as error:
        _refuse(error.problems)
    except (extras.MissingExtraError, ManifestError, ProgressError, DeliveryError, ValueError) as error:
        problem, status = str(error), BAD_INPUT
    except OSError as error:
        problem, status = f"{error.filename}: cannot be read or written: {error.strerror or error}", BAD_INPUT
    if problem:
        click.echo(problem, err=True)
    if sent is not None and as_json:
        click.echo(json.dumps(sent.as_json(), indent=2))
    elif sent is not None and (problem or sent.rejected or not quiet):
        click.echo(sent.line(), err=bool(problem or sent.rejected))
    if status or (sent is not None and sent.rejected):
        sys.exit(status or BAD_INPUT)


@main.group()
def topology() -> None:
    """Look at a topology file."""


@topology.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Report every problem of a topology file, or "ok" and its counts."""
    from meshquake.topology.review import remarks
    from meshquake.topology.units import counted

    loaded = _load_topology(file)
    _print(remarks(loaded))
    mesh = loaded.topology
    operations = sum(len(service.operations) for service in mesh.services)
    click.echo(
        f"ok: {mesh.name}: {counted(len(mesh.services), 'service')}, {counted(operations, 'operation')}, "
        f"{counted(len(mesh.edges), 'edge')}, {counted(len(mesh.workload.mix), 'entry operation')}"
    )


@topology.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--dot", type=click.Path(path_type=Path, dir_okay=False), help="Write Graphviz source to this file, or - ."
)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture to this file, or - .")
def show(file: Path | None, dot: Path | None, svg: Path | None) -> None:
    """Show services, operations, policies and call tree of a topology (default: the ten services)."""
    from meshquake.topology import picture
    from meshquake.topology.loader import DEFAULT, shipped

    mesh = _load_topology(file or shipped()[DEFAULT]).topology
    for path, draw in ((dot, picture.dot), (svg, picture.svg)):
        if path is not None:
            _write(path, draw(mesh))
    if dot is None and svg is None:
        click.echo(picture.text(mesh))


def _play(
    file: Path,
    *,
    interval: float,
    seed: int,
    start: datetime,
    output: Path,
    as_json: bool,
    quiet: bool,
    truth: bool,
    formats: tuple[Format, ...],
    **changes: Any,
) -> None:
    """Play a scenario file and write its fixture; `changes` are for `faults.loader.Options`."""
    from time import perf_counter

    from meshquake.commands import terminal
    from meshquake.exporters.extras import MissingExtraError
    from meshquake.exporters.fixtures import writing
    from meshquake.faults import loader
    from meshquake.sim.simulation import Simulation
    from meshquake.sim.summary import Summary
    from meshquake.topology.document import DocumentError

    options = loader.Options(seed=seed, **changes)
    try:
        loaded = loader.load(file, options)
    except DocumentError as error:
        _refuse(error.problems)
    if not quiet:
        _print(loaded.warnings)
    played = loaded.scenario
    folder = writing.place(output, played)
    summary = Summary(played, start)
    began = perf_counter()
    try:
        simulation = Simulation(played, loaded.topology, seed=seed, start=start, interval=interval)
        if simulation.warning and not quiet:
            click.echo(f"warning: {simulation.warning}", err=True)
        with terminal.progress(played.name, played.length, quiet) as advance:

            def on_batch(batch: Any) -> None:
                summary.take(batch)
                advance(batch.clock)

            content = writing.write(simulation, folder, options.severity, on_batch, truth, formats)
    except MissingExtraError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{folder}: cannot be written: {error.strerror or error}")
    summary.finish()
    if as_json:
        click.echo(json.dumps(terminal.as_json(summary, folder, content), indent=2))
    elif not quiet:
        title = f"{played.name} on {loaded.topology.name}, seed {seed}: {played.summary}".removesuffix(": ")
        terminal.show(summary, folder, title, played.length / (perf_counter() - began))


def _reload(folder: Path) -> Reloaded:
    """What a fixture was made from, or print why it can't be told and exit."""
    from meshquake.exporters.fixtures import manifest, replay
    from meshquake.topology.document import DocumentError

    try:
        return replay.reload(folder)
    except manifest.ManifestError as error:
        _fail(str(error))
    except DocumentError as error:
        _refuse(error.problems)


def _load_topology(file: Path) -> LoadedTopology:
    """Load a topology, or print its errors and exit."""
    from meshquake.topology.document import DocumentError
    from meshquake.topology.loader import load, shipped

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


main.add_command(schema)


if __name__ == "__main__":
    main()
