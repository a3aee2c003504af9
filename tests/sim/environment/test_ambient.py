"""Background load of services takes cores and workers at a level of its own, and the accounts are exact."""

from dataclasses import replace

import numpy as np
import pytest
from laws import check_busy_time, check_counters, check_idle
from small_mesh import SMALL
from stage import Stage, drain, play, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.engine.tape import WORK
from meshquake.sim.environment.ambient import STEP
from meshquake.sim.mesh import Mesh

S = Target("service", "station")


def station(load="{cores: 50%, workers: 0%, cv: 0%}", rate="150/s", work="{exponential: 10ms}", **settings):
    """Return a service with background load."""
    said = {"workers": 16, "cpu": "2", "queue": 1000} | settings
    return f"""
name: station
services:
  station:
    {{{", ".join(f"{key}: {value}" for key, value in said.items())}, readiness: {{period: 600s}},
     operations: {{serve: {{work: {work}}}}}}}
environment: {{load: {load}}}
workload: {{rate: {rate}, mix: {{station.serve: 1}}}}
"""


def levels(mesh, until=600.0):
    """Return the share of the cores that each replica's background load takes, tick by tick."""
    found = []
    for place in range(int(until / STEP)):
        mesh.env.advance(place * STEP + 0.1)
        found.append([replica.ambient for replica in mesh.replicas])
    most = max(map(len, found))
    return np.array([each + [0.0] * (most - len(each)) for each in found])


# -- cores ------------------------------------------------------------------------------------------------------------


def test_work_takes_as_much_longer_as_cores_are_taken():
    stage = Stage(station(work="10ms", cpu="1"))
    stage.request(0, 100, 105)
    assert stage.play() == ["0-20 station: success", "100-120 station: success", "105-140 station: success"]


@pytest.mark.parametrize("cpu", ["2", "{limit: 2, scheduling: fair}", "{limit: 2, scheduling: quota, machine: 4}"])
def test_cores_in_use_are_those_of_requests_and_the_share_taken_besides(cpu):
    """Own utilisation u and a background share s add up to u + s, to the bit, however the cores are shared."""
    mesh = Mesh(topology_of(station("{cores: 30%, workers: 20%, cv: 0%}", rate="60/s", cpu=cpu)), 1, end=6.0)
    mesh.env.advance(6)
    drain(mesh)
    (replica,) = mesh.replicas
    rows = take_rows(mesh)
    work = sum(mesh.roots[0].tape.draws(int(number))[WORK] for number in rows["number"])
    assert len(rows) > 300
    assert replica.core_time(mesh.now) == pytest.approx(work / 0.7)
    assert replica.core_seconds(mesh.now) == pytest.approx(work + 0.3 * 2 * mesh.now)


def test_beside_what_hogs_cpu_shares_are_taken_of_what_is_left():
    stage = Stage(station(work="10ms", cpu="1"))
    stage.fault(HogCpu(id="hog", target=S, share=0.5), 0, 1000)
    stage.request(100, 2000)
    assert stage.play() == ["100-140 station: success", "2000-2020 station: success"]
    (replica,) = stage.mesh.replicas
    assert replica.core_seconds(stage.mesh.now) == pytest.approx(0.01 + 0.01 + 0.5 * stage.mesh.now + 0.25)


# -- workers ----------------------------------------------------------------------------------------------------------


def test_workers_are_held_for_their_share_of_the_time():
    mesh = Mesh(topology_of(station("{cores: 0%, workers: 25%, cv: 0%}", rate="1/s", workers=6)), 1, end=2000.0)
    mesh.env.advance(2000)
    (replica,) = mesh.replicas
    assert replica.ambient_time(mesh.now) / mesh.now == pytest.approx(1.5, abs=0.05)


def test_one_worker_is_always_left_to_requests_and_none_is_taken_from_them():
    """One of two workers is held at times; two overlapping requests wait for each other only then."""
    mesh = Mesh(topology_of(station("{cores: 0%, workers: 30%, cv: 0%}", rate="30/s", workers=2)), 1, end=60.0)
    (replica,) = mesh.replicas
    held = []
    for moment in np.arange(0.5, 60, 0.01):
        mesh.env.advance(moment)
        check_counters(mesh)
        held.append(replica.ambient_workers)
    assert set(held) == {0, 1}
    drain(mesh)
    check_busy_time(mesh, take_rows(mesh))
    check_idle(mesh)


def test_who_waits_gets_the_worker_that_is_given_back():
    """One of two workers is held with probability .6 per tick, so a request that waits for it starts at a tick."""
    mesh = Mesh(
        topology_of(station("{cores: 0%, workers: 30%, cv: 0%}", rate="0.4/s", work="3s", workers=2)), 1, end=99
    )
    mesh.env.advance(99)
    drain(mesh)
    rows = take_rows(mesh)
    waited = rows[rows["started"] > rows["arrived"]]
    ends = set(rows["finished"].tolist())
    given_back = [start for start in waited["started"].tolist() if start not in ends]
    assert len(given_back) > 1 and all(start % STEP == 0 for start in given_back)
    check_busy_time(mesh, rows)


# -- the level --------------------------------------------------------------------------------------------------------


def test_levels_have_the_mean_and_the_variation_that_the_file_says():
    """Over 60 replicas and an hour: the mean, and the variation of five-minute means."""
    text = station("{cores: 30%, workers: 0%, cv: 20%, over: 2m, together: 0%}", rate="0.01/s", replicas=60)
    shares = levels(Mesh(topology_of(text), 3, end=0.0), 3600.0)
    means = shares.reshape(12, 150, 60).mean(axis=1)
    assert means.mean() == pytest.approx(0.3, rel=0.03)
    assert means.std() / means.mean() == pytest.approx(0.2, rel=0.1)


def test_replicas_go_up_and_down_together_as_far_as_the_file_says():
    text = station("{cores: 30%, workers: 0%, cv: 20%, over: 10s, together: 60%}", rate="0.01/s", replicas=2)
    one, other = np.log(levels(Mesh(topology_of(text), 3, end=0.0), 7200.0)).T
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.6, abs=0.06)


def test_a_level_depends_on_seed_service_replica_and_time_alone():
    """More users, more replicas, or a replica that was down meanwhile don't change the levels of the others."""
    topology = topology_of(station("{workers: 25%}", rate="20/s", replicas=2))
    alone = levels(Mesh(topology, 1, end=60.0), 60.0)
    busy = Mesh(topology.at_rate(100.0), 1, end=60.0)
    busy.env.process(unfold(busy, Stop(id="down", target=Target("replica", "station", 0)), Window(10, 10, 20)))
    seen = levels(busy, 60.0)
    assert (seen[:, 1] == alone[:, 1]).all() and (seen[16:, 0] == alone[16:, 0]).all()
    assert (seen[6:10, 0] == 0).all()
    more = replace(topology, services=(replace(topology.services[0], replicas=3),))
    assert (levels(Mesh(more, 1, end=60.0), 60.0)[:, :2] == alone).all()
    assert (levels(Mesh(topology, 2, end=60.0), 60.0) != alone).all()


def test_a_replica_that_comes_later_has_the_level_of_its_own_name():
    topology = topology_of(station("{workers: 25%}", rate="1/s", replicas=2))
    three = replace(topology, services=(replace(topology.services[0], replicas=3),))
    mesh = Mesh(topology, 1, end=60.0)
    mesh.env.call_at(5.0, lambda _: mesh.scale(S, 3))
    assert (levels(mesh, 60.0)[-1] == levels(Mesh(three, 1, end=60.0), 60.0)[-1]).all()


# -- a whole mesh -----------------------------------------------------------------------------------------------------


def test_beside_processor_sharing_requests_have_what_is_left():
    """M/M/1-PS: with own load u and a background share s, a request takes 1 / (1 - u - s) times as long as its work."""
    topology = topology_of(
        station("{cores: 30%, workers: 0%, cv: 0%}", rate="40/s", cpu="{limit: 1, scheduling: fair}", workers=1000)
    )
    means = [
        np.mean(times["finished"] - times["arrived"]) for times in (play(topology, seed, 3000) for seed in range(12))
    ]
    assert np.mean(means) == pytest.approx(0.01 / 0.3, abs=4 * np.std(means) / len(means) ** 0.5)
    assert np.std(means) / len(means) ** 0.5 < 0.03 * np.mean(means)


def test_nothing_is_lost_and_fact_and_twin_have_the_same_until_a_fault_makes_a_difference():
    def rows(faults):
        mesh = Mesh(topology_of(f"{SMALL}environment: {{load: {{cores: 30%, workers: 25%}}}}\n"), 1, end=40.0)
        for fault in faults:
            mesh.env.process(unfold(mesh, fault, Window(20, 20, 30)))
        for moment in range(1, 41):
            mesh.env.advance(moment)
            check_counters(mesh)
        drain(mesh)
        found = take_rows(mesh)
        check_busy_time(mesh, found)
        check_idle(mesh)
        return found

    fact, twin = rows([HogCpu(id="hog", target=Target("service", "db"), share=0.9)]), rows([])
    begun = min(np.flatnonzero(fact["ended"][: len(twin)] != twin["ended"][: len(fact)]))
    assert begun > 500 and fact["sent"][begun] > 19
    assert (rows([])["finished"] == twin["finished"]).all()
