"""`serve`: serves a fixture over HTTP as if it happened now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from meshquake.commands import errors, options, output


@click.command(short_help="Serve a fixture over HTTP as if it were happening now")
@options.fixture
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 for any free one.",
)
@options.speed
@click.option("--loop", is_flag=True, help="Start over after the end, with later timestamps.")
@click.option("--with-truth", is_flag=True, help="Serve the answer key too.")
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    default=256,
    show_default=True,
    help="Limit on concurrent connections.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="NAME",
    multiple=True,
    help="Host name that clients may use, besides localhost and --host; may be repeated.",
)
def serve(folder: Path, **chosen: Any) -> None:
    """Serve a fixture over HTTP as if it were happening now, until Ctrl-C (see docs/streaming.md)."""
    import time

    from meshquake.exporters import extras

    listening = False

    def on_ready(address: str) -> None:
        nonlocal listening
        listening = True
        output.say(f"serving at {address}")

    try:
        with errors.told(interrupted="Stopped."):
            site = extras.load("meshquake.exporters.server.site", "serve", "serve")
            site.serve(folder, clock=time, on_ready=on_ready, **chosen)
    except OSError as error:
        if listening:
            raise
        why = errors.reason(error).partition(" (")[0]  # Python repeats the address in parentheses
        errors.fail(f"{chosen['host']}:{chosen['port']}: cannot listen: {why}")
