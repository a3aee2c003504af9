"""Loud confounders: each is visible, placed where there is room for it, and keeps the promise to users."""

from collections import Counter

import pytest

from meshquake.faults.loader import Options, parse
from meshquake.faults.room import BUSY
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.busy import busy
from meshquake.topology.estimates import offered_load
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.truth.answer_key import Clock
from meshquake.truth.floors import Loudness
from meshquake.truth.preview import kept

MESH = load(shipped()[DEFAULT])
TEXT = "name: x\nlead_in: 40s\nduration: 40s\nrecovery: 20s\nconfounders: loud\n"
FAULT = TEXT + "faults: [slow: {target: KEY, factor: 4}]\n"
LOUD = {"job", "fail", "slow", "deploy", "flush", "surge"}
#: A shop whose callers tolerate errors, and have time.
SMALL = """
name: small
defaults: {edge: {timeout: 1s, retry: {max_attempts: 3}}}
services:
  web: {replicas: 2, workers: 8, operations: {home: {work: 2ms, calls: [shop.list]}}}
  shop:
    replicas: 2
    workers: 8
    operations:
      list: {work: 3ms, calls: [memory.get: {hit_rate: 90%, on_miss: [store.get]}, ads.show: {optional: true}]}
  ads: {replicas: 2, workers: 8, operations: {show: {work: 2ms}}}
  memory: {kind: cache, replicas: 2, workers: 8, operations: {get: {work: 1ms}}}
  store: {kind: database, replicas: 2, workers: 8, operations: {get: {work: 5ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""


def drawn(text, seed, mesh=MESH):
    return parse(text, "my.yaml", Options(seed=seed), mesh=mesh).scenario.background


def small(text=SMALL):
    return topology_loader.parse(text, "small.yaml")


def test_four_are_loud_and_two_are_not_and_the_loud_ones_come_first():
    for seed in range(12):
        background = drawn(FAULT.replace("KEY", "store"), seed, small())
        assert 5 <= len(background) <= 6
        assert {fault.kind for fault in background[:4]} <= LOUD
        assert {fault.kind for fault in background[4:]} <= {"deploy", "restart", "job", "surge", "configure"}
        services = [fault.target.service for fault in background if fault.target.service]
        assert len({*services}) == len(services)


def test_over_seeds_each_of_them_comes():
    found = Counter(fault.kind for seed in range(20) for fault in drawn(TEXT, seed, small())[:4])
    assert {*found} == LOUD


@pytest.mark.parametrize("seed", range(3))
def test_users_feel_none_of_them(seed):
    loaded = parse(TEXT, "my.yaml", Options(seed=seed), mesh=small())
    assert kept(Simulation.of(loaded))


def test_some_service_looks_worse_than_before_though_nothing_is_wrong():
    worst = []
    for seed in range(4):
        simulation = Simulation.of(parse(TEXT, "my.yaml", Options(seed=seed), mesh=small()))
        loudness = Loudness(Clock(simulation.start)(40.0))
        for batch in simulation.batches():
            loudness.take(batch.traces)
        worst.append(loudness.ranked()[0][1])
    assert max(worst) > 4


def test_a_service_whose_callers_do_not_try_again_fails_nothing():
    for seed in range(12):
        once = small(SMALL.replace("retry: {max_attempts: 3}", "retry: none"))
        for fault in drawn(TEXT, seed, once)[:4]:
            assert fault.kind not in ("fail", "deploy") or fault.target.service == "ads"


def test_where_two_attempts_are_made_fewer_requests_fail_than_where_three_are():
    share = dict.fromkeys((2, 3), 0.0)
    for attempts in share:
        mesh = small(SMALL.replace("max_attempts: 3", f"max_attempts: {attempts}").replace(": {optional: true}", ""))
        fails = (fault for seed in range(12) for fault in drawn(TEXT, seed, mesh)[:4] if fault.kind == "fail")
        share[attempts] = max(fault.share for fault in fails)
        assert share[attempts] <= 0.005 ** (1 / attempts)
    assert share[2] < share[3]


def test_a_crowd_stays_within_what_all_services_bear():
    busiest = max(load.offered for load in offered_load(busy(MESH.topology)).values())
    crowds = [
        fault
        for seed in range(30)
        for fault in drawn(FAULT.replace("KEY", "inventory-service"), seed)[:4]
        if fault.kind == "surge"
    ]
    assert crowds and all(busiest * fault.factor <= BUSY for fault in crowds)


def test_a_crowd_comes_and_not_a_few_more_users_besides():
    for seed in range(20):
        surges = [fault for fault in drawn(TEXT, seed, small()) if fault.kind == "surge"]
        assert len(surges) <= 1


def test_a_busy_mesh_has_none_that_would_need_room():
    few = drawn(TEXT + "rate: 1500/s\n", 1, small())
    assert max(load.offered for load in offered_load(small().topology.at_rate(1500)).values()) > BUSY / 1.6
    for seed in range(8):
        assert not {fault.kind for fault in drawn(TEXT + "rate: 1500/s\n", seed, small())} & {"surge"}
    assert len(few) < 6
