"""The process of a replica, from its start to its end."""

from stage import Stage

from meshquake.faults.fault import Target
from meshquake.faults.kinds.stop import Stop

MESH = """
name: process
services:
  app:
    stack: java/spring-boot
    startup: 2s
    memory: {limit: 100MiB, base: 30%}
    readiness: {period: 600s}
    operations: {get: {work: 1ms}}
workload: {rate: 1/s, mix: {app.get: 1}}
"""
MIB = 2**20


def stopped(name, start_ms, end_ms):
    return Stop(id=name, target=Target("service", "app")), start_ms, end_ms


def test_a_process_that_starts_has_the_memory_of_an_idle_one_and_answers_nothing():
    stage = Stage(MESH)
    (replica,) = stage.mesh.replicas
    stage.fault(*stopped("s", 1000, 2000))
    found = []
    for moment in (0.5, 1.5, 2.5, 4.5):
        stage.mesh.env.advance(moment)
        found.append((replica.up, replica.memory() / MIB, replica.heap() / MIB))
    assert found == [(True, 30, 15), (False, 0, 0), (False, 30, 15), (True, 30, 15)]


def test_whatever_stops_a_replica_ends_a_process_that_starts_too():
    stage = Stage(MESH)
    (replica,) = stage.mesh.replicas
    stage.fault(*stopped("first", 1000, 2000))
    stage.fault(*stopped("second", 3000, 6000))
    stage.mesh.env.advance(5)
    assert not replica.runs and replica.memory() == 0
    stage.mesh.env.advance(9)
    assert stage.events() == [
        *((1000, "replica_stopped", "app-0"), (2000, "restart", "app-0")),
        *((3000, "replica_stopped", "app-0"), (6000, "restart", "app-0")),
    ]
    assert replica.up
