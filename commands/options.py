"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable

import click

from meshquake.commands.parameters import Amount, FormatName, Seconds, Start
from meshquake.commands.paths import LocalPath, Place

PATH, FILE, PLACE = LocalPath(), LocalPath(is_file=True), Place()
SEED = click.IntRange(0, 2**63 - 1)

fixture = click.argument("folder", metavar="DIR", type=PATH)
fixtures = click.option(
    "--output", type=PATH, default="output/fixtures", show_default=True, help="Folder that holds all fixtures."
)
speed = click.option(
    "--speed",
    type=Amount("number", 10_000),
    default=1.0,
    help="Recorded seconds per second of real time.  [default: 1]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
summary_as_json = click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
quiet = click.option("--quiet", is_flag=True, help="Print errors only (and the output of --json).")

histograms = click.option(
    "--histograms",
    type=click.Choice(["explicit", "exponential"]),
    help="Buckets of OTLP histograms: bounds of the semantic conventions, or powers of a base.  [default: explicit]",
)

observability = click.option(
    "--observability",
    type=click.Choice(["perfect", "typical", "poor"]),
    help="How well the mesh is observed: what is sampled out, lost or late.  [default: the scenario's, or perfect]",
)
calm = click.option(
    "--calm", is_flag=True, help="Leave out the topology's environment: nothing happens in the mesh by itself."
)

_SCENARIO = (
    click.option("--duration", type=Seconds(0.001), help="Length of the incident.  [default: the scenario's]"),
    click.option("--lead-in", type=Seconds(), help="Time recorded before the incident.  [default: the scenario's]"),
    click.option("--recovery", type=Seconds(), help="Time recorded after the incident.  [default: the scenario's]"),
    click.option(
        "--interval",
        type=Seconds(0.001, 86400.0),
        default=1.0,
        help="Time between metric samples; at most the length of the recording.  [default: 1s]",
    ),
    click.option("--rate", type=Amount("rate", 1e6), help="Requests per second.  [default: the topology's]"),
    click.option("--severity", type=Amount("ratio", 1.0), default=1.0, help="Strength of every fault.  [default: 1]"),
    click.option(
        "--confounders",
        type=click.Choice(["none", "some", "many", "loud"]),
        help="How many harmless events to add.  [default: the scenario's]",
    ),
    observability,
    calm,
    click.option("--seed", type=SEED, default=42, show_default=True, help="Seed of all random draws."),
    click.option(
        "--start",
        type=Start(),
        default="2024-01-15T10:30:00Z",
        show_default=True,
        help="Start of the recording: ISO 8601, or now.",
    ),
    click.option(
        "--topology", type=PATH, help="A topology file, or the name of a shipped one.  [default: the scenario's]"
    ),
    fixtures,
    click.option(
        "--truth/--no-truth",
        default=True,
        show_default=True,
        help="Write the answer key; this runs the scenario a second time, without its faults.",
    ),
    click.option(
        "--format",
        "formats",
        type=FormatName(),
        multiple=True,
        help="Also write the records in this format, into a folder inside the fixture; may be repeated.",
    ),
    click.option("--watch", is_flag=True, help="Show the run on the terminal while it is simulated."),
    click.option(
        "--report", "page", is_flag=True, help="Also write an HTML report beside the fixture (see docs/report.md)."
    ),
    summary_as_json,
    quiet,
)


def scenario(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that plays a scenario."""
    for option in reversed(_SCENARIO):
        command = option(command)
    return command
