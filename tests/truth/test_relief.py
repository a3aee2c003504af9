"""The harm that actions saved is the difference between the harm with and without them."""

import pytest
from twin_runs import compare, simulation

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth import whatif
from meshquake.truth.relief import Harm, harm_of

MESH = """
name: shop
defaults: {service: {workers: 100, startup: 1s, readiness: {period: 1s}}, edge: {latency: 1ms, timeout: 500ms}}
services:
  web: {operations: {home: {work: 1ms, calls: shop.buy}}}
  shop: {replicas: 2, rollout: in_place, operations: {buy: {work: 10ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
#: A bad version, with a rollback a minute after it began, and a needless restart.
TEXT = """
name: bad-release
lead_in: 10s
duration: 90s
recovery: 5s
confounders: none
faults:
  - deploy: {target: shop, version: 2.0.0, share: 50%, patience: none}
actions:
  - rollback: {target: shop, at: 60s}
  - restart: {target: web, at: 80s, graceful: false}
"""


def run(text=TEXT, without=()):
    options = Options(seed=7, without=without)
    return Simulation.of(parse(text, "scenario.yaml", options, mesh=topology_loader.parse(MESH, "mesh.yaml")))


@pytest.fixture(scope="module")
def acted():
    """Return the incident as it happened, with its twins."""
    return compare(run())


@pytest.fixture(scope="module")
def left():
    """Return the incident without the actions."""
    return compare(run(without=("rollback-1", "restart-1")))


def test_the_harm_that_the_actions_avert_is_the_difference_of_the_requests_counted_as_harmed(acted, left):
    told, harmed = acted.key["actions"], acted.key["requests"]["harmed"]
    assert told["harmed_without"] == left.key["requests"]["harmed"]
    assert told["saved"] - told["lost"] == told["harmed_without"] - harmed
    # Half of 20 a second fail, from the moment both replicas have the version until the rollback or the end.
    assert told["harmed_without"] == pytest.approx(0.5 * 20 * 92, rel=0.1)
    assert harmed - told["lost"] == pytest.approx(0.5 * 20 * 59, rel=0.1)


def test_what_an_action_harms_is_harm_of_the_incident_that_it_answers(acted):
    assert acted.key["actions"]["lost"] > 0  # while the only replica of web is down
    (fault,) = acted.key["faults"]
    assert fault["blast_radius"]["requests"] == acted.key["requests"]["harmed"]
    assert acted.verdicts.filter(effect="failed")["caused_by"].list.first().unique().to_list() == ["deploy-1"]


def test_the_key_tells_actions_from_faults_and_from_what_happens_besides(acted):
    assert acted.key["background"] == []
    assert [fault["id"] for fault in acted.key["faults"]] == ["deploy-1"]
    rollback, restart = acted.key["actions"]["taken"]
    assert rollback == {
        "id": "rollback-1",
        "kind": "rollback",
        "target": "shop",
        "parameters": {},
        "start": "2024-01-15T10:31:10.000000+00:00",
        "end": "2024-01-15T10:31:12.500000+00:00",
        "event": {"type": "rollback", "service": "shop", "timestamp": "2024-01-15T10:31:10.000000+00:00"},
    }
    assert (restart["event"]["type"], restart["parameters"]) == ("replica_stopped", {"graceful": False})
    # The release acted until it was rolled back.
    assert acted.key["faults"][0]["end"] == rollback["end"]


def test_what_if_tells_what_one_action_alone_saved(acted):
    found = whatif.compare(run(), run(without=("rollback-1",)), lambda clock: None)
    both = compare(run(without=("rollback-1",)))
    assert found.lost - found.saved == both.key["requests"]["harmed"] - acted.key["requests"]["harmed"]
    assert found.lost > 200


def test_without_a_fault_there_is_nothing_to_answer_and_the_harm_is_that_of_the_actions():
    told = compare(run(TEXT.replace("faults:", "background:"), without=("deploy-1", "rollback-1"))).key
    assert (told["incident"], told["faults"], told["actions"]["harmed_without"]) == (False, [], 0)
    assert told["actions"]["lost"] == told["requests"]["harmed"] > 0


def harms(*runs):
    """Return the harm of some runs of one scenario."""
    scenario = runs[0].scenario
    return harm_of(runs, runs[0].without([cause.id for cause in (*scenario.faults, *scenario.actions)]))


def test_the_harm_of_several_runs_is_what_the_key_of_each_says(acted, left):
    one, other = harms(run(), run(without=("rollback-1", "restart-1")))
    assert one == Harm(acted.key["requests"]["total"], acted.key["requests"]["harmed"], 0)
    assert other.total == left.key["requests"]["harmed"] == acted.key["actions"]["harmed_without"]


#: Users who reload pages that take too long, and therefore make their next request later.
WAITING = """
name: waiting
services:
  web: {workers: 200, operations: {home: {work: 2ms, calls: db.get}}}
  db: {workers: 40, queue: 1000, operations: {get: {work: {exponential: 10ms}}}}
workload: {populations: {them: {users: 30, think_time: {exponential: 500ms}, mix: {web.home: 1}, patience: 900ms}}}
"""


def test_of_users_who_wait_requests_are_compared_whenever_they_came_and_those_never_made_are_harm():
    options = Options(lead_in=10, duration=10, recovery=15, confounders="none")
    fault = "slow: {target: db, factor: 150}"
    key = compare(simulation(fault, mesh=WAITING, options=options)).key["requests"]
    (found,) = harms(simulation(fault, mesh=WAITING, options=options))
    assert (found.requests, found.harmed) == (key["total"], key["harmed"])
    assert key["unmade"] - key["background"] - key["spared"] <= found.unmade <= key["unmade"]
    assert found.total > found.harmed > 0
