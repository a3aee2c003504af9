"""`schema`: the JSON Schema of a file, for editors and other programs."""

from __future__ import annotations

from pathlib import Path

import click

from meshquake.commands import options

_FILES = ("topology", "scenario", "study", "metrics")


@click.command(short_help="Print the JSON Schema of topology, scenario or study files, or of metrics")
@click.argument("file", metavar="|".join(_FILES), type=click.Choice(_FILES))
@click.option(
    "--fixture", "folder", metavar="DIR", type=options.PATH, help="For metrics: as they are named in this fixture."
)
def schema(file: str, folder: Path | None) -> None:
    """Print the JSON Schema of topology, scenario or study files, for editors that complete and check as you type;
    or that of metric records, which depends on the names that a topology or a scenario gives them.

    It includes kinds of fault from installed packages (see docs/extending.md).
    """
    from meshquake.ensembles.schema import study_schema
    from meshquake.faults.schema import scenario_schema
    from meshquake.topology.json_schema import written
    from meshquake.topology.schema import topology_schema

    made = {"topology": topology_schema, "scenario": scenario_schema, "study": study_schema}
    if file in made:
        click.echo(written(made[file]()), nl=False)
        return
    from meshquake.exporters.fixtures import manifest
    from meshquake.sim.records import METRIC, RECORD_KINDS, kinds

    known = RECORD_KINDS if folder is None else kinds(manifest.metrics(folder, manifest.load(folder)).metrics)
    click.echo(written(known[METRIC.name].json_schema()), nl=False)
