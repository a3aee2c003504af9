"""Processes grow while they run, and are recycled at a threshold."""

import pytest
from stage import topology_of

from meshquake.sim.mesh import Mesh


def mesh_of(memory, replicas=3, end=0.0, seed=1):
    """Return a service whose processes have 100 MiB, of which they use 30 at first and up to 10 for garbage."""
    return Mesh(
        topology_of(f"""
name: memory
services:
  app:
    replicas: {replicas}
    memory: {{limit: 100MiB, base: 30%, collect_at: 10%, garbage: 1MiB}}
    startup: 2s
    operations: {{get: {{work: 1ms}}}}
environment: {{memory: {memory}}}
workload: {{rate: 5/s, mix: {{app.get: 1}}}}
"""),
        seed,
        end,
    )


def test_a_process_grows_by_so_much_an_hour_give_or_take_a_fifth():
    mesh = mesh_of("12%")
    before = [replica.leaked for replica in mesh.replicas]
    mesh.env.advance(601)
    rates = [(replica.leaked - leaked) / 2**20 * 6 for replica, leaked in zip(mesh.replicas, before, strict=True)]
    assert all(12 * 0.8 <= rate <= 12 * 1.2 for rate in rates) and len(set(rates)) == 3


def test_replicas_have_grown_for_different_times_when_a_recording_begins():
    """From nothing up to the 45 MiB that, with a base of 30 and garbage of 10, make 85 of 100."""
    grown = [replica.leaked / 2**20 for seed in range(30) for replica in mesh_of("12%", seed=seed).replicas]
    assert 0 <= min(grown) < 4 and 41 < max(grown) <= 45
    assert sum(grown) / len(grown) == pytest.approx(22.5, abs=3)


def test_processes_have_left_some_of_the_garbage_that_they_collect_when_a_recording_begins():
    garbage = [replica.garbage / 2**20 for seed in range(30) for replica in mesh_of("12%", seed=seed).replicas]
    assert 0 <= min(garbage) < 1 and 9 < max(garbage) < 10
    assert sum(garbage) / len(garbage) == pytest.approx(5, abs=0.7)


def test_one_after_another_is_recycled_at_its_mark_and_nobody_notices():
    mesh = mesh_of("2000%", end=1200.0)
    least = 3
    for second in range(1, 1200):
        mesh.env.advance(second)
        least = min(least, len(mesh.services["app"].ready))
    restarts = [event for event in mesh.journal.events if event.type == "restart"]
    assert len(restarts) > 10 and {event.attributes["reason"] for event in restarts} == {"recycled"}
    assert least == 2
    told = mesh.journal.happened
    assert [mesh.journal.first[each.id] for each in told if each.id in mesh.journal.first] == restarts
    assert all(each.kind == "restart" and 2 < each.end - each.start < 10 for each in told if each.end is not None)
    lines = [line.message for line in mesh.journal.lines if "recycling" in line.message]
    assert len(lines) == len(told) and all("of its limit: recycling the process" in line for line in lines)


def test_the_only_replica_is_not_recycled_and_grows_no_further():
    mesh = mesh_of("2000%", replicas=1)
    mesh.env.advance(1200)
    assert not mesh.journal.events
    assert mesh.replicas[0].leaked == pytest.approx(45 * 2**20)


def test_where_nobody_recycles_it_a_process_is_killed_at_its_limit():
    mesh = mesh_of("{growth: 2000%, ends: oom}", end=1200.0)
    mesh.env.advance(1200)
    killed = [event for event in mesh.journal.events if event.type == "oom_kill"]
    assert len(killed) > 5
    assert all(event.attributes["limit_bytes"] == 100 * 2**20 for event in killed)


def test_by_kind_of_service_processes_grow_as_is_usual_for_it():
    def growth(kind):
        mesh = Mesh(
            topology_of(f"""
name: kinds
services: {{app: {{kind: {kind}, memory: 100MiB, operations: {{get: {{work: 1ms}}}}}}}}
environment: {{memory: {{}}}}
workload: {{rate: 1/s, mix: {{app.get: 1}}}}
"""),
            1,
            0.0,
        )
        before = mesh.replicas[0].leaked
        mesh.env.advance(601)
        return (mesh.replicas[0].leaked - before) * 6 / 2**20

    assert growth("service") == pytest.approx(2 * growth("gateway")) == pytest.approx(8 * growth("database"))
