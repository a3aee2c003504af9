"""`ensemble`: one scenario over many seeds and parameters, with intervals; and the report of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshquake.commands import errors, options

if TYPE_CHECKING:
    from meshquake.ensembles.study import Study

#: Settings that a study file makes itself.
_OF_SCENARIOS = ("topology", "assignments", "calm", "vary", "sample", "asked", "until", "at_most", "warm_up")


@click.command(short_help="Run a scenario over many seeds and parameters, with confidence intervals")
@click.argument("what", metavar="SCENARIO|STUDY|DIR", type=options.PLACE)
@click.option("--replications", type=click.IntRange(1, 100_000), help="Runs per cell.  [default: 20]")
@click.option(
    "--vary",
    metavar="PATH=VALUES",
    multiple=True,
    help="Vary anything that `whatif --set` sets: a,b,c or lo..hi:n; several make a grid.",
)
@click.option(
    "--sample", type=click.IntRange(1, 10_000), help="Number of points of a Latin hypercube, instead of the grid."
)
@click.option(
    "--response",
    "asked",
    metavar="[LABEL=]RESPONSE",
    multiple=True,
    help="What to measure in each run.  [default: error rate, latency, goodput; with faults, figures of the key too]",
)
@click.option(
    "--until", metavar="RESPONSE:RATIO", help="Add runs until this response is known this precisely, as in 'x:5%'."
)
@click.option(
    "--at-most", type=click.IntRange(1, 100_000), help="Runs per cell after which --until gives up.  [default: 1000]"
)
@click.option(
    "--warm-up", metavar="TIME|mser", help="Cut this much off the start of each recording, or what MSER-5 finds."
)
@click.option(
    "--set", "assignments", metavar="PATH=VALUE", multiple=True, help="Change the scenario or the mesh, in every cell."
)
@click.option(
    "--topology",
    type=options.PLACE,
    help="A topology file, or the name of a shipped one.  [default: the scenario's]",
)
@options.calm
@click.option("--seed", type=options.SEED, help="Seed of the study; the seeds of the runs come from it.  [default: 1]")
@click.option("--output", type=options.PATH, help="Folder of the ensemble.")
@click.option("--resume", is_flag=True, help="Continue from the runs in the folder.")
@click.option("--report", is_flag=True, help="Write tables and plots of DIR into DIR/report.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Number of processes; the output does not depend on it.",
)
@options.summary_as_json
@options.quiet
def ensemble(
    what: str,
    replications: int | None,
    seed: int | None,
    output: Path | None,
    resume: bool,
    report: bool,
    workers: int,
    as_json: bool,
    quiet: bool,
    **of_scenarios: Any,
) -> None:
    """Run a scenario over many seeds and parameters, and report the results with confidence intervals.

    \b
    python run.py ensemble cascade --replications 100 --output out/cascade
    python run.py ensemble cascade --vary "edges.order-service -> database.retry=none,2" --output out/retries
    python run.py ensemble studies/spike-collapse.yaml --output out/spike
    python run.py ensemble out/spike --resume      # after it was stopped
    python run.py ensemble out/spike --report      # tables and plots
    """
    from meshquake.faults import loader
    from meshquake.topology import outside

    path, given = Path(what), [name for name in _OF_SCENARIOS if of_scenarios[name]]
    if outside.is_folder(path):
        if given or replications is not None or seed is not None:
            errors.fail(f"{path}: holds an ensemble, whose study is settled (--output DIR runs it again)")
        _of_folder(path, output, resume, report, workers, as_json, quiet)
        return
    if report:
        there = what in loader.shipped() or path.exists()
        errors.fail(
            "--report works on an ensemble that was made: give its folder" if there else f"{path}: no such folder"
        )
    if output is None:
        errors.fail("--output: give a folder for the ensemble")
    if what in loader.shipped() or not path.exists() or not _is_study(path):
        study = _of_options(what, of_scenarios, replications, seed, quiet)
    else:
        if given:
            words = ", ".join(f"--{_WORDS.get(name, name.replace('_', '-'))}" for name in given)
            errors.fail(f"{path}: is a study, which sets this itself: leave out {words}")
        study = _of_file(path, replications, seed, quiet)
    _make(study, output, resume, workers, as_json, quiet)


#: Names of options that differ from those of the settings.
_WORDS = {"assignments": "set", "asked": "response"}


def _is_study(path: Path) -> bool:
    """Whether a file is a study rather than a scenario."""
    from meshquake.ensembles import study_file

    return study_file.is_study(path)


def _of_file(path: Path, replications: int | None, seed: int | None, quiet: bool) -> Study:
    """Load a study from a file."""
    from meshquake.ensembles import study_file

    given = {"replications": replications, "seed": seed}
    study, warnings = study_file.load(path, {name: value for name, value in given.items() if value is not None})
    if not quiet:
        errors.warn(*warnings)
    return study


def _of_options(what: str, given: dict[str, Any], replications: int | None, seed: int | None, quiet: bool) -> Study:
    """Build the study that the command line describes; all problems are reported at once."""
    from meshquake.ensembles import asking

    asked = [("", text) for text in given["asked"]]
    options = {**given, "asked": asked, "replications": replications, "seed": seed}
    study, warnings = asking.study_of(what, called="--", **options)
    if not quiet:
        errors.warn(*warnings)
    return study


def _of_folder(
    folder: Path, output: Path | None, resume: bool, report: bool, workers: int, as_json: bool, quiet: bool
) -> None:
    """Resume an ensemble, run it again elsewhere, or report on it."""
    from meshquake.exporters.ensembles import manifest

    if output is not None:
        _make(manifest.load(folder)[0], output, resume, workers, as_json, quiet)
    elif resume:
        _make(manifest.load(folder)[0], folder, True, workers, as_json, quiet)
    if report:
        _report(folder if output is None else output)
    if output is None and not resume and (as_json or not quiet):
        _show(folder, as_json)


def _make(study: Study, output: Path, resume: bool, workers: int, as_json: bool, quiet: bool) -> None:
    """Run an ensemble, and show its results."""
    from meshquake.commands import terminal
    from meshquake.exporters.ensembles import making

    stopped = f"Interrupted: complete runs are kept; continue with: python run.py ensemble {output} --resume"
    bar = terminal.progress(study.name, study.size, quiet)
    complete = 0

    def hear(done: int, total: int) -> None:
        nonlocal complete
        complete = done
        advance(done * study.size / max(1, total))

    kept = "complete runs are kept: continue with --resume"
    with errors.told(interrupted=stopped), errors.written(output, lambda: kept if complete else ""), bar as advance:
        making.make(study, output, workers, resume, hear)
    if as_json or not quiet:
        _show(output, as_json)


def _report(folder: Path) -> None:
    """Write the tables and plots of an ensemble."""
    from meshquake.exporters import extras
    from meshquake.exporters.ensembles import making, reading, tables

    analysis, place = reading.analysis(folder), folder / "report"
    with errors.written(place):
        making.make_folder(place)
        tables.write(analysis, place)
        try:
            plot = extras.load("meshquake.exporters.ensembles.chart", "report", "a plot")
        except extras.MissingExtraError as error:
            errors.warn(f"warning: {error}")
        else:
            plot.write(analysis, place)


def _show(folder: Path, as_json: bool) -> None:
    """Print the results of an ensemble."""
    from meshquake.commands import tables
    from meshquake.exporters.ensembles import completion, reading, report
    from meshquake.exporters.ensembles.frames import frames

    analysis = reading.analysis(folder)
    if as_json:
        content = {name: frame.to_dicts() for name, frame in frames(analysis).items()}
        click.echo(json.dumps({"folder": str(folder), "complete": completion.is_complete(folder), **content}, indent=2))
        return
    tables.show([*report.blocks(analysis, completion.is_complete(folder)), f"folder  {folder}"])
