"""`solve`: runs agents without a model on cases."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options, output


@click.command(short_help="Run a scripted agent (no model) on cases")
@click.argument("cases", type=options.PATH)
@click.option(
    "--agent",
    type=click.Choice(["loudest", "breadth-first", "baro", "oracle"]),
    required=True,
    help="Which agent: `loudest` blames the worst symptom, `oracle` finds about all that can be found without the key.",
)
@click.option("--now", metavar="MOMENT", help="Show nothing later: +5m, alert+1m or ISO 8601.  [default: the end]")
@click.option("--without", metavar="KINDS", default="", help="Kinds of record to withhold, as in traces,logs.")
@click.option(
    "--output",
    "folder",
    type=options.PATH,
    default="runs",
    show_default=True,
    help="Folder for runs; each goes into CASE/REPEAT in it.",
)
@options.quiet
def solve(cases: Path, agent: str, now: str | None, without: str, folder: Path, quiet: bool) -> None:
    """Run a scripted agent (no model) on a case, or on all cases of a data set (see docs/agents.md).

    \b
    python run.py solve cases --agent loudest --output runs
    python run.py score cases/telemetry/case-5b0f3c9a17d2 --answers runs/case-5b0f3c9a17d2/1/answers.json
    """
    from meshquake.agents.solvers import running

    kinds = [kind.strip() for kind in without.split(",") if kind.strip()]
    for run in running.solve(cases, running.SOLVERS[agent], folder, now=now, without=kinds):
        if not quiet:
            output.say(str(run))
