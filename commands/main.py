"""The command line: the group of all commands, and how they start and end.

Each command has a file of its own, which parses, calls and prints; the work itself is done by the packages beside this.
Everything but click is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from meshquake.commands import errors, play, signals
from meshquake.commands.dataset import dataset
from meshquake.commands.ensemble import ensemble
from meshquake.commands.explain import explain
from meshquake.commands.export import export
from meshquake.commands.import_case import import_case
from meshquake.commands.list_fixtures import list_fixtures
from meshquake.commands.live import live
from meshquake.commands.load import load
from meshquake.commands.mcp import mcp
from meshquake.commands.replay import replay
from meshquake.commands.report import report
from meshquake.commands.schema import schema
from meshquake.commands.score import score
from meshquake.commands.send import send
from meshquake.commands.serve import serve
from meshquake.commands.solve import solve
from meshquake.commands.topology import topology
from meshquake.commands.version import show_versions
from meshquake.commands.whatif import whatif


class Commands(click.Group):
    """Commands that end with a message and a status on errors, instead of a traceback."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)  # --help and the like are printed outside `invoke`
        except OSError as error:  # except EPIPE, for a closed pipe: there click exits silently
            signals.drop_output()
            errors.fail(f"{error.filename or 'standard output'}: cannot be written: {errors.reason(error)}")

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with errors.told(), errors.usage():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with errors.told(), errors.usage():
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_versions,
    help="Show the versions that determine the output, and exit.",
)
def main() -> None:
    """Simulate incidents in a service mesh and write the telemetry they leave behind.

    Times are in seconds unless they have a unit (90, 90s, 2m). Rates (20, 20/s, 10/m) and ratios (0.5, 50%) work the
    same way. The same scenario, seed and versions give the same bytes.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As on standard error: characters that the locale's encoding lacks are escaped.
        sys.stdout.reconfigure(errors="backslashreplace")


for _command in (
    *play.SHIPPED,
    play.noise,
    play.scenario,
    list_fixtures,
    replay,
    whatif,
    export,
    import_case,
    load,
    score,
    explain,
    report,
    dataset,
    ensemble,
    serve,
    live,
    mcp,
    solve,
    send,
    topology,
    schema,
):
    main.add_command(_command)
