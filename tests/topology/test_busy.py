"""A mesh at a busy moment: everything that fluctuates is high, and nothing else has changed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.topology.busy import DEVIATIONS, busy
from meshquake.topology.environment.fluctuation import Fluctuation, high
from meshquake.topology.environment.load import AmbientLoad
from meshquake.topology.estimates import offered_load
from meshquake.topology.loader import load, parse, shipped

TEXT = """
name: small
services:
  web: {operations: {home: {work: 2ms, calls: [store.get]}}}
  store: {kind: database, operations: {get: {work: 4ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
environment:
  users: {cv: 20%, over: 4m}
  load: {cores: 30%, workers: 20%, cv: 25%}
  slow_mode: {web: {share: 1%, at: 50ms}}
  jobs: [{name: nightly, on: store, every: 10m, takes: 1m, cores: 20%}, {name: light, every: 10m, takes: 1m, cores: 5%}]
"""


@pytest.fixture(scope="module")
def small():
    return parse(TEXT, "small.yaml").topology


def test_a_mesh_that_does_nothing_by_itself_is_as_it_is(small):
    assert busy(small.calm()) == small.calm()


def test_users_load_and_stalls_are_so_far_up_and_the_heaviest_job_of_each_service_runs(small):
    up = busy(small, 1.0)
    users = high([Fluctuation(0.2, 240)], 1.0)
    cores, workers = AmbientLoad(0.3, 0.2, 0.25).taken_at(1.0)
    assert up.workload.rate == pytest.approx(20 * users)
    assert up.environment.load_of("web").cores == pytest.approx(1 - (1 - cores) * 0.95)
    assert up.environment.load_of("store").cores == pytest.approx(1 - (1 - cores) * 0.8)
    assert up.environment.load_of("store").workers == pytest.approx(workers)
    ((name, stalls),) = up.environment.slow_mode
    level = high([Fluctuation(0.5)], 1.0)
    assert (name, stalls.share, stalls.at) == ("web", pytest.approx(0.01 * level), pytest.approx(0.05 * level))


def test_nothing_goes_up_and_down_any_more_and_the_services_are_the_same(small):
    up = busy(small)
    assert not up.environment.users and not up.environment.jobs
    assert not any(each.varies for _, each in (*up.environment.load, *up.environment.slow_mode))
    assert replace(up, environment=small.environment, workload=small.workload) == small
    assert busy(up) == up


def test_however_far_it_is_some_of_each_service_is_left():
    for name in shipped():
        up = busy(load(shipped()[name]).topology, 9.0)
        assert all(each.cores < 1 and each.workers < 1 for _, each in up.environment.load)


def test_a_share_is_its_mean_over_time_and_near_that_moves_as_much_as_its_level():
    load = AmbientLoad(0.3, 0.2, 0.25)
    points = (np.arange(4000) + 0.5) / 4000
    shares = np.array([load.taken_at(float(z)) for z in norm.ppf(points)])
    assert shares.mean(axis=0) == pytest.approx([0.3, 0.2], rel=2e-3)
    assert shares.std(axis=0) / shares.mean(axis=0) == pytest.approx(load.sigma, rel=0.15)
    assert shares.max() < 0.9 and AmbientLoad(0.3, 0.0, 0.25).taken_at(3.0)[1] == 0


def test_every_service_has_more_to_do_than_usual(small):
    usual, up = offered_load(small), offered_load(busy(small))
    assert all(up[name].cores > usual[name].cores and up[name].workers > usual[name].workers for name in usual)


def test_one_moment_in_fifteen_is_busier():
    part = Fluctuation(0.2, 20)
    amounts = Fluctuating(1, "users", [part]).amounts(np.arange(0.0, 40_000.0, 10.0))
    assert np.mean(amounts > high([part], DEVIATIONS)) == pytest.approx(1 / 15, rel=0.15)
