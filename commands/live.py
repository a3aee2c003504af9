"""`live`: a mesh in the browser, for people to break, repair and save what they did."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import click

from meshquake.commands import errors, options, output
from meshquake.commands.parameters import Amount


class Speed(Amount):
    """Type of a speed: a number, or `max`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return inf if value == "max" else super().convert(value, param, ctx)


@click.command(short_help="Run a mesh in the browser: break it, mend it, save what you did")
@click.argument("scenario", required=False, type=options.PATH)
@click.option("--topology", type=options.PATH, help="A topology file, or the name of a shipped one.")
@click.option(
    "--speed",
    type=Speed("number", 10_000),
    default=1.0,
    help="Simulated seconds per second of real time, or max.  [default: 1]",
)
@click.option("--seed", type=options.SEED, default=42, show_default=True, help="Seed of all random draws.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any free one.",
)
@options.calm
@click.option("--exercise", is_flag=True, help="Hide a fault drawn from the seed, and judge how you deal with it.")
def live(
    scenario: Path | None,
    topology: Path | None,
    speed: float,
    seed: int,
    port: int,
    calm: bool,
    exercise: bool,
) -> None:
    """Run a mesh in the browser until Ctrl-C: a scenario, or a mesh without an incident (see docs/live.md).

    \b
    python run.py live
    python run.py live cascade --speed 10
    python run.py live --topology mesh.yaml
    python run.py live --exercise --seed 7
    """
    import time

    from meshquake.exporters import extras
    from meshquake.faults.loader import Options

    if exercise and scenario is not None:
        errors.fail("--exercise hides a fault drawn from the seed: leave the scenario out")
    site = extras.load("meshquake.exporters.live.site", "live", "live")
    plays = extras.load("meshquake.exporters.live.plays", "live", "live")
    listening = False

    def on_ready(address: str) -> None:
        nonlocal listening
        listening = True
        output.say(
            f"playing at {address}", "whoever has this address can steer; without the part after # they can only watch"
        )

    changes = Options(topology=topology, calm=calm)
    try:
        with errors.told(interrupted="Stopped."):
            stage = plays.stage(scenario, changes, seed, speed, time.monotonic, exercise)
            site.serve(stage, port, on_ready)
    except OSError as error:
        if listening:
            raise
        why = errors.reason(error).partition(" (")[0]
        errors.fail(f"{site.HOST}:{port}: cannot listen: {why}")
