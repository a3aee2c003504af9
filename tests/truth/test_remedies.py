"""The incident under each single remedy, and how the actions taken compare."""

import pytest
from twin_runs import simulation

from meshquake.faults.loader import Options, parse
from meshquake.sim.live.script import Script
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.preview import felt_since
from meshquake.truth.relief import Harm
from meshquake.truth.remedies import Mitigation, Prospects, candidates, mitigation, prospects

MESH = """
name: chain
defaults: {service: {workers: 4, startup: 1s, readiness: {period: 1s}}, edge: {timeout: 800ms}}
services:
  web: {workers: 100, operations: {home: {work: 1ms, calls: db.get}}}
  db: {workers: 1, operations: {get: {work: 20ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
OPTIONS = Options(seed=7, lead_in=10, duration=20, recovery=5, confounders="none")


def script(*faults, actions=""):
    text = f"name: crisis\nfaults: [{', '.join(f'{{{fault}}}' for fault in faults)}]\nactions: [{actions}]\n"
    mesh = topology_loader.parse(MESH, "mesh.yaml")
    return Script(parse(text, "crisis.yaml", OPTIONS, mesh=mesh), OPTIONS)


def test_remedies_of_several_faults_are_tried_each_once_and_end_all_that_is_wrong_there():
    found = prospects(script("fail: {target: db, share: 50%}", "hang: {target: db, share: 20%}"))
    assert found.best == ("mend", {"target": "db"})
    assert found.least.total < 0.2 * found.left.total


def test_of_too_many_users_one_sees_who_cannot_keep_up_whoever_that_is():
    found = prospects(script("surge: {target: users, factor: 4}"))
    assert found.best == ("scale", {"target": "db", "to": "2"})
    assert found.least.total < found.left.total / 2


def test_remedies_come_as_users_feel_the_first_fault_whatever_was_done():
    idle = script("fail: {target: db, share: 50%, at: 5s}")
    felt = felt_since(Simulation.of(idle.loaded))
    acted = script("fail: {target: db, share: 50%, at: 5s}", actions="{mend: {target: db, at: 6s}}")
    assert prospects(idle) == prospects(acted)
    assert prospects(idle).at == felt == pytest.approx(16, abs=1)


def test_what_was_done_is_compared_with_nothing_and_with_the_best():
    acted = mitigation(script("fail: {target: db, share: 50%}", actions="{mend: {target: db, at: 10s}}"))
    assert acted.averted == acted.prospects.left.total - acted.harm.total
    assert acted.share == pytest.approx(0.5, abs=0.15)
    assert 0.4 < acted.of_best < 0.8
    assert (acted.done, acted.elsewhere) == (1, 0)
    nothing = mitigation(script("fail: {target: db, share: 50%}"), acted.prospects)
    assert (nothing.averted, nothing.share, nothing.of_best) == (0, 0.0, 0.0)


def test_where_nothing_is_wrong_there_is_nothing_to_avert_and_what_one_breaks_is_harm():
    found = mitigation(script(actions="{change: {target: web, set: {rate_limit: {max_tokens: 1, fill_interval: 1s}}}}"))
    assert (found.prospects.left.total, found.prospects.best) == (0, None)
    assert (found.averted, found.share, found.of_best) == (-found.harm.total, None, None)
    assert found.harm.total > 300
    assert Mitigation(Harm(9, 4, 1), Prospects(0.0, Harm(9, 5, 0), None, Harm(9, 5, 0))).share == 0.0


def test_what_was_done_where_nothing_was_wrong_is_counted():
    actions = "{mend: {target: db}}, {restart: {target: web}}, {change: {target: web -> db, set: {retry: 2}}}"
    for fault, elsewhere in (
        ("fail: {target: db, share: 50%}", 1),
        ("drop: {target: web -> db, share: 50%}", 0),
        ("surge: {target: users, factor: 4}", 0),
        ("slow: {target: web.home, factor: 3}", 1),
    ):
        found = mitigation(script(fault, actions=actions), Prospects(0.0, Harm(9, 9, 0), None, Harm(9, 9, 0)))
        assert (found.done, found.elsewhere) == (3, elsewhere), fault


def test_a_fault_of_one_replica_may_be_drained_and_one_that_nobody_can_mend_is_not_mended():
    run = simulation('fail: {target: "product-service[1]", share: 50%}', "surge: {target: users, factor: 2}")
    one, other = ([kind for kind, _ in candidates(fault, run.topology)] for fault in run.scenario.faults)
    assert one == ["mend", "restart", "drain", "scale"]
    assert "mend" not in other and other.count("scale") == len(run.topology.services)
