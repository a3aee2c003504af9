"""`schema`: what a file may hold, for editors and other programs."""

from __future__ import annotations

import click


@click.command(short_help="Print the JSON Schema of topology or scenario files")
@click.argument("file", metavar="topology|scenario", type=click.Choice(["topology", "scenario"]))
def schema(file: str) -> None:
    """Print the JSON Schema of topology files or of scenario files, for editors that complete and check as you type.

    It includes kinds of fault from installed packages (see docs/extending.md).
    """
    from meshquake.faults.schema import scenario_schema
    from meshquake.topology.json_schema import written
    from meshquake.topology.schema import topology_schema

    click.echo(written(topology_schema() if file == "topology" else scenario_schema()), nl=False)
