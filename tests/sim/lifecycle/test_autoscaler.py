"""The autoscaler: Kubernetes' own worked examples, and its effect in a mesh."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import check_idle
from stage import drain, take_rows, topology_of, unfold
from twin_runs import compare

from meshquake.faults.fault import Extent, Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.scale import Scale
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.scenario import Scenario
from meshquake.sim.lifecycle.autoscaler import Figures, Pace, recommend
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.autoscale import Autoscale, ScaleDown, ScaleUp
from meshquake.topology.loader import parse
from meshquake.topology.placement import NODES
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import review

# -- recommendations ---------------------------------------------------------------------------------------------------


def cpu(current, figures, target, unready=0, missing=0):
    """Return the recommendation for some CPU figures."""
    return recommend(current, Figures(figures, unready, missing), target, 0.1, 1.0)


@pytest.mark.parametrize(("figure", "replicas"), [(0.2, 8), (0.05, 2), (0.1, 4), (0.109, 4), (0.091, 4), (0.111, 5)])
def test_the_number_of_replicas_grows_as_the_figure_does_but_for_a_tenth(figure, replicas):
    # "If the current metric value is 200m, and the desired value is 100m, the number of replicas will be doubled."
    assert cpu(4, [figure] * 4, 0.1) == replicas


@pytest.mark.parametrize(
    ("current", "figures", "target", "unready", "missing", "replicas"),
    [
        (1, [3.05], 0.5, 0, 0, 7),  # the walkthrough: 305% of 50%
        (3, [0.3, 0.5, 0.7], 0.3, 0, 0, 5),  # TestReplicaCalcScaleUp
        (3, [0.5, 0.7], 0.3, 1, 0, 4),  # TestReplicaCalcScaleUpUnreadyLessScale
        (3, [0.4], 0.3, 2, 0, 3),  # TestReplicaCalcScaleUpUnreadyNoScale
        (5, [0.1, 0.3, 0.5, 0.25, 0.25], 0.5, 0, 0, 3),  # TestReplicaCalcScaleDown
        (5, [0.3, 0.5, 0.25], 0.5, 2, 0, 3),  # unready ones are left out when scaling down
        (4, [0.4, 0.095], 1.0, 0, 2, 3),  # TestReplicaCalcMissingMetrics: missing ones count as busy when scaling down
        (2, [1.0], 0.5, 0, 1, 2),  # and as idle when scaling up
        (3, [], 0.5, 3, 0, 3),
    ],
)
def test_what_kubernetes_recommends_in_its_own_tests(current, figures, target, unready, missing, replicas):
    assert cpu(current, figures, target, unready, missing) == replicas


@given(
    st.integers(1, 50),
    st.lists(st.floats(0, 2), min_size=1, max_size=50),
    st.floats(0.1, 1.0),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_those_of_which_little_is_known_never_make_a_recommendation_bolder(current, figures, target, unready, missing):
    current = len(figures) + unready + missing
    bold, careful = cpu(len(figures), figures, target), cpu(current, figures, target, unready, missing)
    if sum(figures) / len(figures) > target:
        assert current <= careful <= max(current, bold)
    else:
        assert careful <= current


# -- rates of change ---------------------------------------------------------------------------------------------------


def followed(policy, current, recommendations, every=15.0):
    """Return the number of replicas after each recommendation."""
    pace, found = Pace(policy), []
    for number, recommended in enumerate(recommendations):
        current = pace.follow(number * every, current, recommended)
        found.append(current)
    return found


def test_at_most_four_replicas_or_as_many_again_are_added_in_fifteen_seconds():
    assert followed(Autoscale(100), 1, [100] * 6) == [5, 10, 20, 40, 80, 100]


def test_the_highest_recommendation_of_five_minutes_holds_replicas_back():
    policy = Autoscale(100)
    assert followed(policy, 10, [10, 4] + [4] * 18 + [2, 2]) == [10] * 20 + [4, 4]
    assert followed(policy, 10, [10] + [2] * 10 + [6] + [2] * 19 + [2]) == [10] * 20 + [6] * 11 + [2]


def test_of_eighty_replicas_a_tenth_goes_in_a_minute_and_four_once_there_are_fewer_than_forty():
    # The documentation's example of two policies, of which the one that allows the larger change applies.
    policy = Autoscale(100, down=ScaleDown(window=0, share=0.1, replicas=4, period=60))
    assert followed(policy, 80, [10] * 9, every=60.0) == [72, 64, 57, 51, 45, 40, 36, 32, 28]


def test_what_was_added_within_the_period_counts_against_the_limit():
    policy = Autoscale(100, up=ScaleUp(replicas=4, share=None, period=60))
    assert followed(policy, 2, [50] * 6) == [6, 6, 6, 6, 10, 10]


@given(st.integers(1, 20), st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_the_bounds_hold_and_no_recommendation_is_overshot(current, recommendations):
    policy = Autoscale(maximum=20, minimum=2)
    now = current
    for number, (after, recommended) in enumerate(
        zip(followed(policy, current, recommendations), recommendations, strict=True)
    ):
        assert 2 <= after <= 20
        lowest, highest = min(recommended, now), max(recommended, now, 2)
        assert min(lowest, 20) <= after <= highest, number
        now = after


# -- in a mesh ---------------------------------------------------------------------------------------------------------

#: 100 requests a second of 20 ms keep two cores busy.
MESH = """
name: scaled
services:
  app:
    replicas: 1
    cpu: 1
    workers: 64
    queue: 100000
    startup: 5s
    readiness: {period: 1s}
    autoscale: {maximum: 10, cpu: 50%}
    operations: {get: {work: {exponential: 20ms}}}
workload: {rate: 100/s, mix: {app.get: 1}}
"""


def run(text, seconds, faults=()):
    """Return a mesh after some seconds, and when it was scaled to how many replicas."""
    mesh = Mesh(topology_of(text), 1, end=seconds)
    for fault, window in faults:
        mesh.env.process(unfold(mesh, fault, window))
    mesh.env.advance(seconds)
    changes = [
        (round(event.time), event.attributes["previous"], event.attributes["replicas"])
        for event in mesh.journal.events
        if event.type == "scaled"
    ]
    return mesh, changes


def test_there_are_as_many_replicas_in_the_end_as_the_load_and_the_target_ask_for():
    mesh, changes = run(MESH.replace("replicas: 1", "replicas: 3"), 200)
    assert mesh.services["app"].desired == len(mesh.services["app"].ready) == 4  # 100/s x 20 ms / 50%
    assert len(changes) == 1


def test_the_start_of_new_replicas_takes_its_time_and_counts_for_nothing_meanwhile():
    mesh, changes = run(MESH, 120)
    restored = [round(event.time) for event in mesh.journal.events if event.type == "replica_restored"]
    assert changes[0] == (15, 1, 2)  # the only replica had its whole core in use
    assert restored[0] == 20
    assert mesh.services["app"].desired >= 4


def test_requests_a_second_may_be_the_target():
    text = MESH.replace("cpu: 50%", "cpu: none, requests: 30/s").replace("replicas: 1", "replicas: 2")
    mesh, _ = run(text, 120)
    assert mesh.services["app"].desired == 4


def test_more_users_bring_more_replicas_and_fewer_only_take_them_away_after_five_minutes():
    text = MESH.replace("replicas: 1", "replicas: 4").replace("20ms", "18ms")
    surge = Surge(id="surge", target=Target("users"), factor=2.0)
    mesh, changes = run(text, 600, [(surge, Window(60, 60, 180))])
    ups = [change for change in changes if change[2] > change[1]]
    downs = [change for change in changes if change[2] < change[1]]
    assert 60 < ups[0][0] <= 105 and max(change[2] for change in ups) >= 7
    assert downs and downs[0][0] >= 180 + 300 - 15
    assert mesh.services["app"].desired == len(mesh.services["app"].replicas) == 4


def test_no_request_is_lost_when_replicas_come_and_go():
    text = MESH.replace("replicas: 1", "replicas: 4").replace("autoscale: {maximum: 10, cpu: 50%}", "")
    faults = [
        (Scale(id="up", target=Target("service", "app"), to=7), Window(5, 5, 6)),
        (Scale(id="down", target=Target("service", "app"), to=3), Window(20, 20, 21)),
    ]
    mesh, changes = run(text, 40, faults)
    drain(mesh)
    assert changes == [(5, 4, 7), (20, 7, 3)]
    assert [replica.name for replica in mesh.replicas] == ["app-0", "app-1", "app-2"]
    assert not np.any(take_rows(mesh)["outcome"])
    mesh.env.advance(mesh.now + 60)
    check_idle(mesh)


def test_replicas_for_which_the_cluster_has_no_room_wait_until_there_is_some():
    mesh, _ = run(MESH + "cluster: 3\n", 120)
    app = mesh.services["app"]
    assert app.desired > 3 and len(app.replicas) == 3 and len(app.deployments[0].pending) == app.desired - 3


def test_a_rollout_follows_the_autoscaler():
    deploy = Deploy(id="deploy", target=Target("service", "app"))
    mesh, _ = run(MESH, 180, [(deploy, Window(14, 14, 15))])
    app = mesh.services["app"]
    assert {replica.version for replica in app.replicas} == {"2.0.0"}
    assert len(app.replicas) == app.desired >= 4


def test_metrics_say_how_many_replicas_there_shall_be_and_are_and_only_where_there_is_an_autoscaler():
    text = MESH.replace("replicas: 1", "replicas: 3") + "\n"
    run = Simulation(Scenario(name="calm", duration=80.0, lead_in=0.0, recovery=0.0, seed=1), topology_of(text))
    seen = {"replicas_desired": [], "replicas_ready": []}
    names = set()
    for batch in run.batches():
        for record in batch.records("metrics"):
            if record["metric"] in seen:
                seen[record["metric"]].append(record["value"])
            if record["service"] != NODES:
                names.add(record["replica"])
    assert (seen["replicas_desired"][0], seen["replicas_desired"][-1]) == (3, 4)
    assert (seen["replicas_ready"][0], seen["replicas_ready"][-1]) == (3, 4)
    assert all(ready <= desired for ready, desired in zip(*reversed(seen.values()), strict=True))
    assert names == {None, "app-0", "app-1", "app-2", "app-3"}


def test_who_waits_while_replicas_are_on_their_way_is_harmed_by_a_slow_scale_up():
    text = MESH.replace("replicas: 1", "replicas: 4").replace("startup: 5s", "startup: 40s")
    surge = Surge(id="surge", target=Target("users"), factor=4.0, at=Extent(5.0), for_=Extent(60.0))
    scenario = Scenario(name="late", duration=80.0, lead_in=20.0, recovery=0.0, seed=1, faults=(surge,))
    (fault,) = compare(Simulation(scenario, topology_of(text))).key["faults"]
    steps = [(step["from"], step["to"], step["mechanism"]) for step in fault["mechanism"]]
    # Before the first look there are too many users; after it, the limit is that replicas take 40 seconds to start.
    assert steps == [
        ("app", "app", "cpu saturation"),
        ("app", "app", "queueing"),
        ("app", "app", "slow scale-up"),
    ]
    assert fault["mechanism"][-1]["onset"] >= "2024-01-15T10:30:30"


def test_a_service_is_overloaded_only_if_all_the_replicas_that_it_may_have_are_too_few():
    assert not [told for told in review(topology_of(MESH)) if "overloaded" in told[1]]
    (told,) = [
        told for told in review(topology_of(MESH.replace("maximum: 10", "maximum: 2"))) if "2 replicas" in told[1]
    ]
    assert told == ("services.app", "overloaded even when healthy: 100/s need 100% of its cores with 2 replicas")


MISTAKES = {
    "maximum: 10, minimum: 12": "has a minimum of 12, above its maximum of 10",
    "maximum: 10, cpu: none": "needs a target: cpu or requests",
}


@pytest.mark.parametrize("keys", MISTAKES)
def test_an_autoscaler_that_cannot_do_its_work_is_refused(keys):
    with pytest.raises(DocumentError) as refused:
        parse(MESH.replace("maximum: 10, cpu: 50%", keys), "mesh.yaml")
    (problem,) = refused.value.problems
    assert (problem.path, problem.message) == ("services.app.autoscale", MISTAKES[keys])
