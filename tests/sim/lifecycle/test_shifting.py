"""A version gets shares of the requests, step by step, whatever its replicas, as in Argo Rollouts and Flagger."""

from collections import Counter

import numpy as np
import pytest
from laws import check_counters, check_deciding, check_idle
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.scale import Scale
from meshquake.faults.loader import load
from meshquake.faults.release import Budget, Step
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.portion import Portion
from meshquake.topology.problems import DocumentError

MESH = """
name: shifting
services:
  web: {kind: gateway, workers: 100, operations: {home: {work: 1ms, calls: app.get}}}
  app:
    replicas: 4
    workers: 50
    startup: 1s
    readiness: {period: 1s, failure_threshold: 1}
    operations: {get: {work: 5ms}}
edges: {web -> app: {latency: 0ms}}
workload: {rate: 200/s, mix: {web.home: 1}}
"""
APP = Target("service", "app")
STEPS = (Step(0.1, 20), Step(0.5, 20))


class Played:
    """A run, with faults that begin at given seconds."""

    def __init__(self, text, seconds, *faults):
        self.mesh = Mesh(topology_of(text), 1, end=seconds)
        for fault, second in faults:
            self.mesh.env.process(unfold(self.mesh, fault, Window(second, second, second + 1)))
        #: The number of replicas of each version, by second.
        self.fleet = {}
        for second in range(1, seconds + 1):
            self.mesh.env.advance(second)
            check_counters(self.mesh)
            self.fleet[second] = Counter(replica.version for replica in self.mesh.services["app"].replicas)
        drain(self.mesh)
        self.rows = take_rows(self.mesh)
        check_deciding(self.mesh, self.rows)

    def shares(self, start, end, service="app"):
        """Return each version's share of the requests to app in an interval, and the number of requests."""
        named = np.array([self.mesh.sites[site].service.spec.name == service for site in self.rows["site"]])
        rows = self.rows[named & (self.rows["sent"] >= start) & (self.rows["sent"] < end)]
        count = Counter(self.mesh.incarnations[each][1] for each in rows["replica"])
        return {version: each / len(rows) for version, each in count.items()}

    def told(self, *kinds):
        """Return events of some kinds, with their times."""
        return [(event.time, event) for event in self.mesh.journal.events if event.type in kinds]


def deploy(**keys):
    return Deploy(id="deploy", target=APP, **({"steps": STEPS} | keys))


def test_a_version_gets_its_steps_of_the_requests_and_then_all_while_the_old_one_stays_whole():
    played = Played(MESH, 70, (deploy(), 5))
    shifts = played.told("traffic_shifted")
    assert [(event.attributes["share"], event.attributes["replicas"]) for _, event in shifts] == [
        (0.1, 1),
        (0.5, 2),
        (1, 4),
    ]
    (first, _), (second, _), (last, _) = shifts
    # A start takes a second, and a probe follows at once.
    assert [round(time, 2) for time in (first, second, last)] == [6.0, 27.0, 48.0]
    assert played.shares(5, first) == {"1.0.0": 1.0}
    assert played.shares(first + 0.1, second)["2.0.0"] == pytest.approx(0.1, abs=0.015)  # 1 of 5 replicas
    assert played.shares(second + 0.1, last)["2.0.0"] == pytest.approx(0.5, abs=0.025)
    assert played.shares(last + 0.1, 70) == {"2.0.0": 1.0}
    assert {second: dict(played.fleet[second]) for second in (4, 20, 40, 70)} == {
        4: {"1.0.0": 4},
        20: {"1.0.0": 4, "2.0.0": 1},
        40: {"1.0.0": 4, "2.0.0": 2},
        70: {"2.0.0": 4},
    }
    assert not played.rows["outcome"].any()
    assert [event.attributes["strategy"] for _, event in played.told("deployment")] == ["canary"]
    assert len(played.told("deployment_completed")) == 1


def test_a_share_may_stay_for_good():
    """A bad canary: 30% of its requests fail, and nothing watches it."""
    played = Played(MESH, 60, (deploy(steps=(Step(0.2, None),), share=0.3), 5))
    assert played.fleet[60] == {"1.0.0": 4, "2.0.0": 1}
    assert played.shares(10, 60)["2.0.0"] == pytest.approx(0.2, abs=0.02)
    late = played.rows[(played.rows["caller"] >= 0) & (played.rows["sent"] > 10)]
    assert (late["outcome"] != 0).mean() == pytest.approx(0.2 * 0.3, abs=0.01)


def test_its_replicas_may_be_said_apart_as_argos_set_canary_scale():
    steps = (Step(0.1, None, Portion(share=1.0)),)
    assert Played(MESH, 20, (deploy(steps=steps), 1)).fleet[20] == {"1.0.0": 4, "2.0.0": 4}


def test_over_its_error_budget_the_requests_go_back_at_once_and_its_replicas_go():
    bad = deploy(share=0.5, error_budget=Budget(0.1, 10))
    played = Played(MESH, 60, (bad, 5))
    ((when, event),) = played.told("rollback")
    assert event.details.endswith("has spent its error budget") and event.attributes["replicas_changed"] == 1
    assert [each.attributes["share"] for _, each in played.told("traffic_shifted")] == [0.1, 0.0]
    assert played.shares(when + 0.01, 60) == {"1.0.0": 1.0}
    assert played.fleet[60] == {"1.0.0": 4}
    # Some 20 a second arrive, and ten of them are enough to judge.
    assert when - played.told("traffic_shifted")[0][0] < 2
    played.mesh.env.advance(played.mesh.now + 60)
    check_idle(played.mesh)
    assert played.mesh.services["app"].subsets == ()


def test_a_version_that_never_gets_ready_gets_no_request():
    played = Played(MESH, 60, (deploy(unhealthy=1.0, patience=10), 5))
    assert played.shares(0, 60) == {"1.0.0": 1.0} and not played.rows["outcome"].any()
    assert played.fleet[60] == {"1.0.0": 4} and len(played.told("rollback")) == 1


def test_by_hand_it_comes_back_from_any_step_and_after_the_last():
    for after, versions in ((30, {"1.0.0": 4}), (60, {"1.0.0": 4})):
        played = Played(MESH, 90, (deploy(rollback_after=after), 5))
        assert played.fleet[90] == versions and not played.rows["outcome"].any()
        assert played.shares(80, 90) == {"1.0.0": 1.0}


def test_both_sets_follow_a_scaling_meanwhile():
    scale = Scale(id="scale", target=APP, to=8)
    assert Played(MESH, 40, (deploy(), 5), (scale, 35)).fleet[40] == {"1.0.0": 8, "2.0.0": 4}


def test_a_newer_release_takes_the_place_of_a_canary_and_goes_back_to_what_was_whole():
    newer = Deploy(id="newer", target=APP, version="3.0.0", steps=STEPS, share=1.0, error_budget=Budget(0.5, 10))
    played = Played(MESH, 50, (deploy(), 5), (newer, 15))
    assert played.fleet[25] == {"1.0.0": 4} and played.fleet[50] == {"1.0.0": 4}
    ((_, event),) = played.told("rollback")
    assert (event.version, event.attributes["failed_version"]) == ("1.0.0", "3.0.0")


def test_retries_stay_with_the_canary_and_ejections_are_counted_within_it():
    edge = "{latency: 0ms, retry: {max_attempts: 3, base: 1ms}, outlier: {interval: 1h}, avoid_tried: true}"
    text = MESH.replace("web -> app: {latency: 0ms}", f"web -> app: {edge}")
    played = Played(text, 30, (deploy(share=1.0, error="unavailable", steps=(Step(0.2, None),)), 1))
    shares = played.shares(10, 30)
    # Each of the 20% is tried three times: .6 / (.8 + .6).
    assert shares["2.0.0"] == pytest.approx(0.6 / 1.4, abs=0.03)
    # Its only replica is ejected and used all the same, since the canary is in panic by itself.
    assert {event.attributes["host"] for _, event in played.told("outlier_ejected")} == {"app-4"}


def test_users_who_come_to_the_service_itself_are_shared_out_too():
    played = Played(MESH.replace("web.home: 1", "app.get: 1"), 30, (deploy(steps=(Step(0.25, None),)), 1))
    assert played.shares(5, 30)["2.0.0"] == pytest.approx(0.25, abs=0.025)


def test_a_version_beside_others_is_shifted_within_its_weight():
    text = MESH.replace(
        "    replicas: 4\n", "    versions: {v1: {replicas: 2, weight: 60}, v2: {replicas: 2, weight: 40}}\n"
    )
    played = Played(text, 40, (deploy(deployment="v2", steps=(Step(0.5, None),)), 1))
    shares = played.shares(5, 40)
    assert shares["v1"] == pytest.approx(0.6, abs=0.02)
    assert shares["v2"] == pytest.approx(0.2, abs=0.02) and shares["2.0.0"] == pytest.approx(0.2, abs=0.02)


SCENARIO = """
name: canary
topology: mesh.yaml
duration: 30s
lead_in: 10s
recovery: 10s
confounders: none
faults:
  - deploy: {target: app, version: 2.0.0, share: 30%, error: internal, KEYS}
"""


def scenario(folder, keys, mesh=MESH):
    """Return a scenario with a deploy that has some keys, read from files."""
    (folder / "mesh.yaml").write_text(mesh, encoding="utf-8")
    (folder / "s.yaml").write_text(SCENARIO.replace("KEYS", keys), encoding="utf-8")
    return load(folder / "s.yaml")


def test_a_scenario_says_steps_as_a_list_of_shares_and_the_metric_tells_where_it_is(tmp_path):
    run = Simulation.of(scenario(tmp_path, "steps: [{weight: 10%, pause: 10s}, {weight: 30%, pause: none}]"))
    (fault,) = run.scenario.faults
    assert fault.steps == (Step(0.1, 10.0), Step(0.3, None))
    seen = [
        record["value"]
        for batch in run.batches()
        for record in batch.records("metrics")
        if record["metric"] == "canary_share"
    ]
    assert sorted(set(seen)) == [0, 10, 30]
    assert scenario(tmp_path, "steps: [5%, 20%]").scenario.faults[0].steps == (Step(0.05), Step(0.2))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("steps: 5%, canary: 1", "has steps, which take the place of canary and hold"),
        ("steps: [{weight: 5%, pause: none}, 20%]", "stays at one of its steps for good (pause: none), so later steps"),
        ("steps: [{pause: 3s}]", "missing key 'weight'"),
        ("steps: [5%, 120%]", "must be at most 100%, not 120%"),
        ("steps: []", "must have at least one value"),
    ],
)
def test_what_is_wrong_with_steps_is_said(tmp_path, keys, message):
    with pytest.raises(DocumentError) as refused:
        scenario(tmp_path, keys)
    assert any(problem.message.startswith(message) and problem.line == 9 for problem in refused.value.problems)


def test_steps_need_a_route_and_replicas_beside_the_old_ones(tmp_path):
    for old, new, message in (
        (
            "replicas: 4",
            "versions: {v1: {}}",
            "has steps, which need a route with weights, but the versions of app",
        ),
        ("replicas: 4", "rollout: in_place", "has steps, which need replicas beside those of app, but its rollout is"),
    ):
        with pytest.raises(DocumentError) as refused:
            scenario(tmp_path, "steps: 5%", MESH.replace(old, new))
        assert refused.value.problems[0].message.startswith(message)
