"""`mcp`: an incident for an agent, over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import errors, options, output
from meshquake.commands.parameters import Seconds


@click.command(short_help="Serve an incident's tools to an agent (Model Context Protocol)")
@click.argument("case", type=options.PATH)
@click.option("--now", metavar="MOMENT", help="Show nothing later: +5m, alert+1m or ISO 8601.  [default: the end]")
@click.option("--without", metavar="KINDS", default="", help="Kinds of record to withhold, as in traces,logs.")
@click.option(
    "--pace", type=Seconds(), default=0.0, help="Simulated time that each call takes, from --now on.  [default: 0s]"
)
@click.option(
    "--http", is_flag=True, help="Serve by HTTP on the loopback interface, not over standard input and output."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port of --http; 0 for any free one."
)
@click.option(
    "--output",
    "folder",
    type=options.PATH,
    default="runs",
    show_default=True,
    help="Folder of the runs; this one gets CASE/REPEAT in it.",
)
def mcp(case: Path, now: str | None, without: str, pace: float, http: bool, port: int, folder: Path) -> None:
    """Serve an incident's tools to an agent over the Model Context Protocol (see docs/agents.md).

    The process that serves never sees the answer key. The answer, an audit of all calls and the score go to a folder of
    the run.

    \b
    python run.py mcp cases/telemetry/case-5b0f3c9a17d2
    python run.py mcp cases/telemetry/case-5b0f3c9a17d2 --now alert+30s --without traces --http
    """
    from meshquake.exporters import extras

    extras.load("meshquake.agents.serving.transport", "mcp", "mcp")
    watching = extras.load("meshquake.agents.judge.watching", "mcp", "mcp")

    def on_ready(address: str) -> None:
        if http:
            output.say(f"serving at {address}")

    with errors.told(interrupted="Stopped."):
        watching.serve(
            case,
            folder,
            now=now,
            without=[kind.strip() for kind in without.split(",") if kind.strip()],
            pace=pace,
            port=port if http else None,
            on_ready=on_ready,
        )
