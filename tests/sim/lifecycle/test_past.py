"""Processes that were there when a recording began have a past, and all that they say agrees with it."""

import re

import pytest
from stage import topology_of

from meshquake.faults.fault import Target
from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import DEFAULT, load, shipped

MESH = """
name: past
services:
  web:
    replicas: 3
    stack: go/gin
    workers: 8
    startup: 2s
    memory: {{limit: 64MiB, garbage: 1MiB, collect_at: 25%}}
    operations: {{home: {{work: 4ms, calls: [app.get, app.get]}}}}
  app:
    stack: dotnet/aspnet
    versions: {{1.0.0: {{replicas: 1, weight: 1}}, 2.0.0: {{replicas: 2, weight: 3}}}}
    operations: {{get: {{work: 8ms}}}}
environment: {{collections: {{}}{more}}}
workload: {{rate: 30/s, mix: {{web.home: 1}}}}
"""


def mesh(seed=1, more="", end=0.0):
    return Mesh(topology_of(MESH.format(more=more)), seed, end)


def ages(mesh):
    return [-replica.born for replica in mesh.replicas]


def test_every_process_has_an_age_of_its_own_that_belongs_to_the_seed():
    drawn = [age for seed in range(100) for age in ages(mesh(seed))]
    assert len(set(drawn)) == 600
    assert ages(mesh(7)) == ages(mesh(7)) != ages(mesh(8))
    hours = sorted(age / 3600 for age in drawn)
    assert 1 < hours[0] < 1.1 and 300 < hours[-1] <= 336.1
    # The logarithm is uniform, so the median is the geometric mean of an hour and fourteen days.
    assert hours[300] == pytest.approx(336**0.5, rel=0.25)


def test_a_process_that_grows_is_as_old_as_its_growth():
    for seed in range(20):
        played = mesh(seed, ", memory: {growth: 12%}")
        for replica in played.replicas:
            before, ran = replica.leaked, -replica.born - replica.service.spec.startup
            played_on = before / ran if ran else 0.0
            assert 0.12 * 0.8 <= played_on * 3600 / replica.service.spec.memory.limit <= 0.12 * 1.2


def test_what_equal_replicas_have_answered_is_in_proportion_to_how_long_they_ran():
    """web gets 30 requests per second, a third of them each; app 60, of which 2.0.0 gets three quarters."""
    played = mesh()
    rates = [
        played.past.answered(replica) / (-replica.born - replica.service.spec.startup) for replica in played.replicas
    ]
    assert rates == pytest.approx([10, 10, 10, 15, 22.5, 22.5], rel=1e-3)
    web = played.replicas[0]
    assert played.past.collected(web) == played.past.answered(web) // 16


def test_a_process_that_begins_during_the_recording_has_no_past():
    played = mesh()
    played.env.advance(1)
    played.replicas[0].born = 0.0
    assert played.past.answered(played.replicas[0]) == played.past.collected(played.replicas[0]) == 0


def test_lines_of_a_restarted_process_count_from_its_beginning_and_those_of_others_go_on():
    """`gc 5 @0.6s`: the number and the age of each collection, before and after a restart."""
    played = mesh(end=40.0)
    played.env.advance(10)
    played.env.process(played.restart(Target("replica", "web", 0)))
    played.env.advance(40)
    told = {0: [], 1: []}
    for line in played.journal.lines:
        found = re.match(r"gc (\d+) @([\d.]+)s", line.message)
        if found and line.replica in ("web-0", "web-1"):
            told[int(line.replica[-1])].append((line.time, int(found[1]), float(found[2])))
    for lines in told.values():
        assert len(lines) > 10
    for (since, number, age), (later, following, older) in zip(told[1], told[1][1:], strict=False):
        assert following == number + 1 and older - age == pytest.approx(later - since, abs=2e-3)
    old, new = played.replicas[1], played.replicas[0]
    assert told[1][0][2] == pytest.approx(told[1][0][0] - old.born, abs=2e-3)
    fresh = [line for line in told[0] if line[0] > new.born]
    assert fresh[0][1] == 1
    assert all(age == pytest.approx(moment - new.born, abs=2e-3) for moment, _, age in fresh)


def test_no_two_processes_of_the_default_mesh_are_equally_old():
    """Neither of one service nor of two, to the second."""
    began = [round(replica.born) for replica in Mesh(load(shipped()[DEFAULT]).topology, 42, 0.0).replicas]
    assert len(set(began)) == len(began) > 15 and max(began) < -600
