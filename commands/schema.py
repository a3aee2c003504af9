"""`schema`: what a file may hold, for editors and other programs."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options


@click.command(short_help="Print the JSON Schema of topology or scenario files, or of metrics")
@click.argument("file", metavar="topology|scenario|metrics", type=click.Choice(["topology", "scenario", "metrics"]))
@click.option("--fixture", "folder", metavar="DIR", type=options.PATH, help="Of metrics: as they are in this fixture.")
def schema(file: str, folder: Path | None) -> None:
    """Print the JSON Schema of topology files or of scenario files, for editors that complete and check as you type;
    or that of records of metrics, which depends on what a topology or a scenario calls them.

    It includes kinds of fault from installed packages (see docs/extending.md).
    """
    from meshquake.faults.schema import scenario_schema
    from meshquake.topology.json_schema import written
    from meshquake.topology.schema import topology_schema

    if file != "metrics":
        click.echo(written(topology_schema() if file == "topology" else scenario_schema()), nl=False)
        return
    from meshquake.exporters.fixtures import manifest
    from meshquake.sim.records import METRIC, RECORD_KINDS, kinds

    known = RECORD_KINDS if folder is None else kinds(manifest.metrics(folder, manifest.load(folder)).metrics)
    click.echo(written(known[METRIC.name].json_schema()), nl=False)
