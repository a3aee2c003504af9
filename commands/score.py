"""`score`: scores an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshquake.commands import errors, options

if TYPE_CHECKING:
    from meshquake.exporters.blocks import Block


@click.command(short_help="Score an answer")
@options.fixture
@click.option(
    "--answers",
    type=options.PATH,
    required=True,
    help="The answer; for a data set, a folder with one answer per case, CASE.json. With --process, a folder of runs.",
)
@click.option(
    "--process",
    is_flag=True,
    help="Also score how each run reached its answer (CASE/REPEAT/answers.json, audit.ndjson).",
)
@click.option(
    "--against", type=options.PATH, metavar="RUNS", help="With --process: runs of another agent to compare with."
)
@click.option("--oracle", type=options.PATH, metavar="RUNS", help="With --process: runs that show what can be found.")
@click.option("--plot", type=options.PATH, metavar="DIR", help="With --process: write a plot into this folder.")
@options.as_json
def score(
    folder: Path,
    answers: Path,
    process: bool,
    against: Path | None,
    oracle: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Score the answer to a fixture or a case of a data set, or all answers to a data set (see docs/scoring.md).

    \b
    python run.py score CASES --answers runs/ --process                      # answers, and how they were reached
    python run.py score CASES --answers runs-a/ --against runs-b/ --process  # two agents, case by case
    """
    from meshquake.commands import tables

    of_runs = {"--against": against, "--oracle": oracle, "--plot": plot}
    if process:
        blocks, content = _of_runs(folder, answers, against, oracle, plot)
    elif given := [name for name, value in of_runs.items() if value is not None]:
        errors.fail(f"{given[0]} applies to runs: add --process")
    else:
        from meshquake.exporters.reports import marking

        marked = marking.report(folder, answers)
        blocks, content = marked.blocks, marked.content
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        tables.show(blocks)


def _of_runs(
    folder: Path, answers: Path, against: Path | None, oracle: Path | None, plot: Path | None
) -> tuple[list[Block], dict[str, Any]]:
    """Mark runs, for people and for programs, and write the plot if requested."""
    from meshquake.exporters import extras
    from meshquake.exporters.reports.way.report import report

    chart = None if plot is None else extras.load("meshquake.exporters.reports.way.chart", "report", "a plot")
    marked = report(folder, answers, against, oracle)
    if chart is not None and plot is not None:
        with errors.written(plot):
            plot.mkdir(parents=True, exist_ok=True)
            chart.write(marked.cases, marked.summary, plot)
    return marked.blocks, marked.content
