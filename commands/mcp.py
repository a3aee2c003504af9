"""`mcp`: serves an incident to an agent over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from meshquake.commands import errors, options, output
from meshquake.commands.parameters import Seconds


@click.command(short_help="Serve an incident's tools to an agent (Model Context Protocol)")
@click.argument("case", required=False, type=options.PATH)
@click.option(
    "--live",
    is_flag=True,
    help="Run CASE, a scenario, live and serve remedies too; without CASE, hide a fault drawn from the seed.",
)
@click.option(
    "--now",
    metavar="MOMENT",
    help="Show nothing later (with --live, begin then): +5m, alert+1m or ISO 8601.  [default: the end; --live: alert]",
)
@click.option("--without", metavar="KINDS", default="", help="Kinds of record to withhold, as in traces,logs.")
@click.option(
    "--pace",
    type=Seconds(),
    help="Simulated time that each call takes, from --now on.  [default: 0s; --live: 5s for calls that only read]",
)
@click.option("--seed", type=options.SEED, default=42, show_default=True, help="Seed for --live.")
@click.option("--topology", type=options.PATH, help="For --live, a topology file, or the name of a shipped one.")
@click.option("--http", is_flag=True, help="Serve HTTP on the loopback interface instead of standard input and output.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port for --http; 0 for any free one.",
)
@click.option(
    "--output",
    "folder",
    type=options.PATH,
    default="runs",
    show_default=True,
    help="Folder for runs; this one goes into CASE/REPEAT in it.",
)
def mcp(
    case: Path | None,
    live: bool,
    now: str | None,
    without: str,
    pace: float | None,
    seed: int,
    topology: Path | None,
    http: bool,
    port: int,
    folder: Path,
) -> None:
    """Serve an incident's tools to an agent over the Model Context Protocol (see docs/agents.md).

    The serving process never sees the answer key. The answer, an audit of all calls and the score go into a folder for
    the run; with --live, so do the actions taken and the harm they averted.

    \b
    python run.py mcp cases/telemetry/case-5b0f3c9a17d2
    python run.py mcp cases/telemetry/case-5b0f3c9a17d2 --now alert+30s --without traces --http
    python run.py mcp --live cascade --seed 7
    """
    from meshquake.exporters import extras

    extras.load("meshquake.agents.serving.transport", "mcp", "mcp")

    def on_ready(address: str) -> None:
        if http:
            output.say(f"serving at {address}")

    settings: dict[str, Any] = {
        "without": [kind.strip() for kind in without.split(",") if kind.strip()],
        "port": port if http else None,
        "on_ready": on_ready,
    }
    with errors.told(interrupted="Stopped."):
        if live:
            _play(case, seed, topology, folder, now or "alert", pace, settings)
        elif case is None:
            errors.fail("give a case to serve, or --live to run one")
        elif topology is not None:
            errors.fail("--topology goes with --live: a case has its own mesh")
        else:
            watching = extras.load("meshquake.agents.judge.watching", "mcp", "mcp")
            watching.serve(case, folder, now=now, pace=pace or 0.0, **settings)


def _play(
    scenario: Path | None,
    seed: int,
    topology: Path | None,
    folder: Path,
    now: str,
    pace: float | None,
    settings: dict[str, Any],
) -> None:
    """Play a scenario, or a hidden fault, and report the mitigation."""
    from meshquake.agents.judge import playing
    from meshquake.agents.mitigation.live_desk import PACE
    from meshquake.agents.mitigation.live_incident import LiveIncident
    from meshquake.agents.mitigation.marks import line
    from meshquake.faults.loader import Options

    options = Options(topology=topology)
    if scenario is None:
        incident, name = LiveIncident.hidden(seed=seed, options=options), f"hidden-{seed}"
    else:
        incident, name = LiveIncident.of(scenario, seed=seed, options=options), f"{scenario.stem}-{seed}"
    paced = PACE if pace is None else pace
    found = playing.play(incident, name, folder, now=now, pace=paced, **settings)
    # Standard output belongs to the client.
    output.complain([line(found)])
