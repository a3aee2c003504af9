"""Confounders around the onset: as many as requested, only where there is room, and harmless."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from stage import play

from meshquake.faults.confounders import AFTER, BEFORE
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import SUCCESS
from meshquake.topology.loader import DEFAULT
from meshquake.topology.loader import load as load_mesh
from meshquake.topology.loader import parse as parse_mesh
from meshquake.topology.loader import shipped as meshes
from meshquake.topology.spec import Operation, Service

MESH = load_mesh(meshes()[DEFAULT])
CALM = replace(MESH, topology=MESH.topology.calm())
QUIET = "name: quiet\nduration: 40s\nlead_in: 30s\nrecovery: 30s\n"
SLOW = QUIET + "faults: [slow: {target: inventory-service, factor: 4}]\n"
HARMLESS = {"deploy", "restart", "job", "surge", "configure"}


@cache
def drawn(text, seed, confounders="many", rate=None, mesh=MESH):
    """Return the background of a scenario."""
    return parse(text, "my.yaml", Options(seed=seed, confounders=confounders, rate=rate), mesh=mesh).scenario.background


# -- number and kinds ------------------------------------------------------------------------------------------------


def test_none_are_none_some_are_two_and_many_are_five_each_of_another_kind():
    for seed in range(20):
        for word, number in {"none": 0, "some": 2, "many": 5}.items():
            background = drawn(SLOW, seed, word)
            assert len(background) == len({fault.kind for fault in background}) == number
        assert {fault.kind for fault in drawn(SLOW, seed)} == HARMLESS


def test_a_file_says_how_many_and_an_option_has_the_last_word():
    text = SLOW + "confounders: many\n"
    assert len(parse(text, "my.yaml").scenario.background) == 5
    assert len(parse(text, "my.yaml", Options(confounders="none")).scenario.background) == 0
    assert len(parse(SLOW, "my.yaml").scenario.background) == 2


@pytest.mark.parametrize(("name", "number"), [("cascade", 2), ("normal", 2), ("transient", 0), ("high_volume", 0)])
def test_shipped_scenarios_have_some_but_for_noise_that_is_to_be_looked_at_alone(name, number):
    assert len(load(shipped()[name]).scenario.background) == number


def test_fewer_are_the_first_of_more():
    for seed in range(20):
        assert drawn(SLOW, seed, "some") == drawn(SLOW, seed, "many")[:2]


def test_the_same_seed_draws_the_same_and_over_seeds_every_kind_comes_first():
    assert drawn(SLOW, 1) == drawn.__wrapped__(SLOW, 1)
    assert {drawn(SLOW, seed, "some")[0].kind for seed in range(40)} == HARMLESS


def test_they_come_after_what_the_file_has_in_the_background_and_take_no_id_that_is_taken():
    text = SLOW + "background: [job: {target: auth-service, id: confounder-1}]\n"
    background = drawn(text, 1)
    assert [fault.id for fault in background] == [f"confounder-{number}" for number in range(1, 7)]
    assert str(background[0].target) == "auth-service"


# -- place and time --------------------------------------------------------------------------------------------------


def test_they_are_on_services_of_their_own_on_which_no_fault_acts_and_that_have_other_replicas():
    for seed in range(40):
        background = drawn(SLOW, seed)
        services = [fault.target.service for fault in background]
        assert len(set(services)) == len(services)
        assert "inventory-service" not in services
        for fault in background:
            if fault.kind in ("deploy", "restart"):
                assert MESH.topology.service(fault.target.service).replicas > 1


def test_neither_end_of_an_edge_on_which_a_fault_acts_is_touched():
    text = QUIET + "faults: [drop: {target: order-service -> database}]\n"
    for seed in range(40):
        assert not {"order-service", "database"} & {fault.target.service for fault in drawn(text, seed)}


def test_they_begin_around_the_onset_and_are_over_before_the_recording_is():
    scenario = parse(SLOW, "my.yaml").scenario
    starts = []
    for seed in range(40):
        for fault in drawn(SLOW, seed):
            window = scenario.window(fault)
            starts.append(window.start - scenario.lead_in)
            assert window.end <= scenario.length or not fault.lasts
    assert -BEFORE <= min(starts) < -0.8 * BEFORE
    assert 0.8 * AFTER < max(starts) <= AFTER


def test_a_rollout_has_the_time_it_takes():
    for seed in range(10):
        (deploy,) = (fault for fault in drawn(QUIET, seed) if fault.kind == "deploy")
        scenario = parse(QUIET, "my.yaml").scenario
        rows = []

        class Watched(type(deploy)):
            def run(self, mesh, window, rows=rows):
                yield from mesh.deploy(self, self.release)
                rows.append((mesh.now, {replica.version for replica in mesh.services[self.target.service].replicas}))

        play(MESH.topology, seed, 20 * 100, [(Watched(**vars(deploy)), scenario.window(deploy))])
        ((end, versions),) = rows
        assert end <= scenario.length
        assert versions == {deploy.version} != {"1.0.0"}


def test_where_there_is_no_room_there_are_fewer():
    """At five times the rate some service has no core to spare, and a single replica cannot be spared."""
    assert len(drawn(QUIET, 1, rate=2000)) < 5
    small = parse_mesh("name: one\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}", "one.yaml")
    for seed in range(10):
        assert {fault.kind for fault in drawn(QUIET, seed, mesh=small)} <= {"surge", "job", "configure"}
    moment = "name: moment\nduration: 2s\nlead_in: 0s\nrecovery: 0s"
    assert {fault.kind for fault in drawn(moment, 1)} <= {"configure"}


def test_a_service_that_nobody_calls_changes_none():
    spare = Service("spare", replicas=4, operations=(Operation("idle"),))
    topology = MESH.topology
    larger = replace(MESH, topology=replace(topology, services=(spare, *topology.services)))
    for seed in range(20):
        assert drawn(SLOW, seed, mesh=larger) == drawn(SLOW, seed)


def test_another_strength_of_a_fault_changes_none():
    stronger = SLOW.replace("factor: 4", "factor: 400")
    assert all(drawn(SLOW, seed) == drawn(stronger, seed) for seed in range(20))
    assert isinstance(parse(stronger, "my.yaml").scenario.faults[0], Slow)


# -- harmlessness ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "rate"), [*((seed, 20) for seed in range(8)), (8, 60), (9, 60), (10, 150)])
def test_no_request_fails_or_takes_a_second_that_would_not_without_them(seed, rate):
    assert not harmed(CALM, seed, rate)


@pytest.mark.parametrize("seed", range(3))
def test_nor_in_a_mesh_that_lives(seed):
    assert not harmed(MESH, seed, MESH.topology.workload.rate)


def harmed(mesh, seed, rate):
    """Return the user requests that are bad with the background and would not be without it."""
    scenario = parse(QUIET, "my.yaml").scenario
    topology = replace(mesh.topology, workload=replace(mesh.topology.workload, rate=rate))
    requests = scenario.length * rate
    windows = [(fault, scenario.window(fault)) for fault in drawn(QUIET, seed, rate=rate, mesh=mesh)]
    assert windows
    return bad(play(topology, seed, requests, windows)) - bad(play(topology, seed, requests))


ROOTS = [root.index for root in Mesh(MESH.topology, 1, 0.0).roots]


def bad(rows):
    """Return the user requests that fail or take more than a second: site and number of each."""
    roots = rows[np.isin(rows["site"], ROOTS)]
    assert len(roots) > 1000
    poor = roots[(roots["outcome"] != SUCCESS) | (roots["finished"] - roots["sent"] > 1)]
    return set(poor[["site", "number"]].tolist())
