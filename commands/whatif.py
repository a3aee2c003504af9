"""`whatif`: runs the same requests once more with something changed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from meshquake.commands import errors, options


@click.command(short_help="Run a fixture again with one thing changed, and compare")
@options.fixture
@click.option("--without", "without", metavar="ID", multiple=True, help="Remove a fault or an action, by its id.")
@click.option(
    "--set", "assignments", metavar="PATH=VALUE", multiple=True, help="Change the topology, a policy or a fault."
)
@click.option("--topology", "mesh", metavar="FILE", type=options.PATH, help="Run on another mesh.")
@options.calm
@options.as_json
def whatif(
    folder: Path,
    without: tuple[str, ...],
    assignments: tuple[str, ...],
    mesh: Path | None,
    calm: bool,
    as_json: bool,
) -> None:
    """Run a fixture again with something changed, and compare the two runs request by request.

    \b
    python run.py whatif DIR --without slow-1
    python run.py whatif DIR --without rollback-1
    python run.py whatif DIR --set services.database.replicas=3
    python run.py whatif DIR --set "edges.auth-service -> database.breaker=none" --set defaults.edge.timeout=500ms
    python run.py whatif DIR --set faults.slow-1.for=70%
    """
    from meshquake.commands import tables, terminal
    from meshquake.exporters.fixtures.replay import reload
    from meshquake.exporters.reports import difference
    from meshquake.topology import loader
    from meshquake.truth.whatif import compare

    if not (without or assignments or mesh or calm):
        errors.fail("nothing to change: give --without, --set, --topology or --calm")
    reloaded = reload(folder)
    other = None if mesh is None else loader.load(loader.named(mesh))
    changed = reloaded.recipe.load_with(assignments, other, without, calm)
    known = {(problem.path, problem.message) for problem in reloaded.loaded.warnings}
    errors.warn(*(each for each in changed.warnings if (each.path, each.message) not in known))
    played = reloaded.loaded.scenario
    with terminal.progress(played.name, played.length, as_json) as advance:
        before, after = reloaded.simulation(reloaded.loaded), reloaded.simulation(changed)
        found = compare(before, after, advance)
    for side, simulation in (("before", before), ("after", after)):
        if simulation.leftover:
            errors.warn(f"warning: {side} the change: {simulation.leftover}")
    if as_json:
        changes = {
            "without": list(without),
            "set": list(assignments),
            "topology": None if mesh is None else str(mesh),
            "calm": calm,
        }
        click.echo(json.dumps(difference.as_json(found, changes), indent=2))
    else:
        words = [f"without {name}" for name in without] + list(assignments) + ([f"on {mesh}"] if mesh else [])
        words += ["calm"] if calm else []
        tables.show(difference.blocks(found, ", ".join(words)))
