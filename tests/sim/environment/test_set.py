"""What-if questions about a mesh with another environment: `whatif --set`."""

import pytest

from meshquake.faults.loader import Options
from meshquake.faults.recipe import Recipe
from meshquake.topology.environment.load import AmbientLoad

MESH = """\
name: inn
services:
  web: {kind: gateway, replicas: 2, operations: {home: {work: 2ms, calls: [db.read]}}}
  db: {kind: database, operations: {read: {work: 2ms}}}
edges: {web -> db: {pool: 5}}
environment:
  load: {cores: 20%, db: {cores: 30%}}
  jobs: [usual, {name: tidy, every: 5m, takes: 2s}]
  memory: 3%
  connections: 30m
  deploys: 2h
workload: {rate: 20/s, mix: {web.home: 1}}
"""


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("environment.load=50%", lambda e: dict(e.load)["db"] == AmbientLoad(0.5)),
        ("environment.load.db.cores=40%", lambda e: dict(e.load) == {"web": AmbientLoad(0.2), "db": AmbientLoad(0.4)}),
        ("environment.load.web=none", lambda e: dict(e.load) == {"db": AmbientLoad(0.3)}),
        ("environment.jobs[1].takes=3s", lambda e: e.jobs_of("web", "gateway")[-1].takes == 3.0),
        ("environment.jobs[0].cores=9%", lambda e: {job.cores for job in e.jobs_of("db", "database")} == {0.09, 0.05}),
        ("environment.jobs=backup", lambda e: [job.name for job in e.jobs_of("db", "database")] == ["backup"]),
        ("environment.memory.db.growth=9%", lambda e: [each.growth for _, each in e.memory] == [0.03, 0.09]),
        ("environment.connections.db.open=4", lambda e: dict(e.connections)["db"].open_ == 4),
        ("environment.deploys.every=1h", lambda e: e.deploys.every == 3600.0),
        ("environment.deploys=none", lambda e: e.deploys is None),
    ],
)
def test_a_part_of_it_can_be_set(change, seen):
    recipe = Recipe("name: x\nconfounders: none\n", MESH, Options(), "x.yaml")
    assert not seen(recipe.load().topology.environment)
    assert seen(recipe.load_with([change]).topology.environment)
