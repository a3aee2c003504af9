"""`send`: pushes a fixture to a telemetry backend."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshquake.commands import errors, options
from meshquake.commands.parameters import Header, Seconds

if TYPE_CHECKING:
    from meshquake.exporters.sending.progress import Progress


@click.command(short_help="Push a fixture to a telemetry backend")
@options.fixture
@click.option(
    "--to", metavar="URL", required=True, help="URL of the receiver; without a path, the protocol's usual path is used."
)
@click.option(
    "--protocol",
    type=click.Choice(["otlp-http", "remote-write", "loki", "elasticsearch"]),
    default="otlp-http",
    show_default=True,
    help="Protocol of the receiver.",
)
@options.speed
@click.option("--fast", is_flag=True, help="Send as fast as the receiver accepts, instead of at --speed.")
@click.option("--shift-to-now", is_flag=True, help="Shift times so that the recording ends when sending does.")
@click.option("--header", "headers", type=Header(), multiple=True, help="HTTP header to add; may be repeated.")
@click.option(
    "--patience", type=Seconds(), default=60.0, help="How long to keep trying to send a request.  [default: 1m]"
)
@click.option("--state", type=options.PATH, help="File to keep the progress in, to resume from.")
@options.histograms
@options.summary_as_json
@options.quiet
def send(
    folder: Path,
    protocol: str,
    speed: float,
    fast: bool,
    shift_to_now: bool,
    headers: tuple[tuple[str, str], ...],
    histograms: str | None,
    as_json: bool,
    quiet: bool,
    **chosen: Any,
) -> None:
    """Push a fixture to a telemetry backend (see docs/streaming.md)."""
    import time
    from math import inf

    from meshquake.commands import output, terminal
    from meshquake.exporters import extras
    from meshquake.exporters.fixtures import reading
    from meshquake.exporters.sending.protocols import PROTOCOLS

    if histograms and protocol != "otlp-http":
        errors.fail(f"protocol {protocol} has no histograms of durations: leave out --histograms")
    sent: Progress | None = None
    whole = False
    try:
        with errors.told(interrupted="Interrupted."), errors.files(folder, "read or written"):
            sending = extras.load("meshquake.exporters.sending.send", "send", "send")
            order = sending.Order(
                folder,
                replace(reading.context(folder), histograms=histograms or "explicit"),
                push=PROTOCOLS[protocol],
                speed=inf if fast else speed,
                now=datetime.now(UTC) if shift_to_now else None,
                headers=dict(headers),
                **chosen,
            )
            with terminal.progress(protocol, order.context.length, quiet) as advance:
                for sent in sending.send(order, time):
                    advance(sent.second)
            whole = sent is not None and not sent.rejected
    finally:  # report the progress whatever stopped it
        if sent is not None and as_json:
            click.echo(json.dumps(sent.as_json(), indent=2))
        elif sent is not None and not (whole and quiet):
            errors.warn(sent.line()) if not whole else output.say(sent.line())
    if not whole:
        sys.exit(errors.BAD_INPUT)
