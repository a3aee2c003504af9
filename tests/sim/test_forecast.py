"""A run longer than anyone would wait for is announced, with the reason; no other run is."""

import pytest

from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader

MESH = """
name: pair
services: {web: {operations: {go: {calls: db.get}}}, db: {operations: {get: {work: 1ms}}}}
workload: {rate: 20/s, mix: {web.go: 1}}
"""


def warning(text="", interval=1.0, mesh=MESH, **options):
    scenario = f"{{name: n, lead_in: 0s, recovery: 0s, duration: 1m, confounders: none{text}}}"
    loaded = parse(scenario, "s.yaml", Options(**options), mesh=loader.parse(mesh, "mesh.yaml"))
    return Simulation.of(loaded, interval=interval).warnings


@pytest.mark.parametrize("name", shipped())
def test_no_shipped_scenario_takes_long(name):
    assert Simulation.of(load(shipped()[name])).warnings == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"duration": 86400.0, "interval": 0.001},
            "this may take 1 hour of real time or more for a recording of 24h: metrics of 259 million replicas and "
            "edges, one by one, every 1ms",
        ),
        (
            {"rate": 1e6, "duration": 3600.0},
            "this may take 20 hours of real time or more for a recording of 1h: 7.2 billion calls at 1000000/s",
        ),
        (
            {"text": ", faults: [surge: {target: users, factor: 1000}]", "rate": 1e6},
            "this may take 14 days of real time or more for a recording of 1m: 120 billion calls at 1000000/s",
        ),
        (
            {"mesh": MESH.replace("db: {", "db: {replicas: 1000, readiness: {period: 100ms}, "), "duration": 86400.0},
            "this may take 2 hours of real time or more for a recording of 24h: 864 million readiness probes",
        ),
    ],
)
def test_what_takes_hours_is_announced_with_what_takes_most_of_it(changes, message):
    (found,) = warning(**changes)
    assert found == message


def test_a_day_of_an_ordinary_mesh_is_ordinary():
    assert warning(duration=86400.0) == ()
