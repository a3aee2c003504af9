"""A version is rolled out to the replicas of a service as in Kubernetes, and rolled back only for a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage, play, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.release import Budget
from meshquake.sim.lifecycle.rolling import Step, step
from meshquake.topology.errors import SUCCESS
from meshquake.topology.portion import Portion
from meshquake.topology.rollout import Rollout

DB = Target("service", "db")
MESH = """
name: one
services:
  web: {operations: {home: {work: 1ms, calls: [db.get]}}}
  db: {replicas: 1, startup: 1s, readiness: {period: 1s, failure_threshold: 1}, operations: {get: {work: 10ms}}}
edges: {web -> db: {latency: 1ms}}
workload: {rate: 50/s, mix: {web.home: 1}}
"""


def mesh(replicas, **keys):
    """Return the mesh with a number of replicas of db and keys of its rollout."""
    block = ", ".join(f"{word}: {value}" for word, value in keys.items())
    return MESH.replace("replicas: 1", f"replicas: {replicas}, rollout: {{{block}}}")


def failures(text, seconds=40, **keys):
    """Return how many user requests fail around a deploy that begins at five seconds."""
    fault = Deploy(id="deploy", target=DB, **keys)
    rows = play(topology_of(text), 1, 50 * seconds, [(fault, Window(5, 5, 10))])
    users = rows[rows["site"] == 0]
    return int((users["outcome"] != SUCCESS).sum())


def deploy(text, until=60_000, others=(), **keys):
    """Return the events of a deploy that begins at one second, without probes, and the remaining replicas."""
    stage = Stage(text)
    stage.fault(Deploy(id="deploy", target=keys.pop("target", DB), **keys), 1000, 2000)
    for fault, start, end in others:
        stage.fault(fault, start, end)
    stage.play(until)
    told = [event for event in stage.events() if event[1] not in ("health_check_failed", "replica_ejected")]
    return told, [(each.name, each.version) for each in stage.mesh.services["db"].replicas]


# -- batch sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replicas", "limits"),
    [(1, (1, 0)), (2, (1, 0)), (3, (1, 0)), (4, (1, 1)), (7, (2, 1)), (10, (3, 2)), (100, (25, 25))],
)
def test_a_quarter_is_rounded_up_for_the_surge_and_down_for_the_unavailable_as_in_kubernetes(replicas, limits):
    assert Rollout().limits(replicas) == limits


def test_one_may_be_unavailable_where_neither_a_surge_nor_an_absence_is_allowed():
    assert Rollout(max_surge=Portion(0), max_unavailable=Portion(0)).limits(10) == (0, 1)


def test_ten_replicas_are_replaced_in_the_steps_that_the_documentation_of_kubernetes_tells():
    # 30% of each: 3 new ones at once, and old ones down to 70% of the ten; each new one available lets others go.
    assert step(10, 3, 3, new=0, new_available=0, old=10, old_available=10) == Step(start=3, unhealthy=0, delete=3)
    assert step(10, 3, 3, new=3, new_available=0, old=7, old_available=7) == Step(start=3, unhealthy=0, delete=0)
    assert step(10, 3, 3, new=6, new_available=3, old=7, old_available=7) == Step(start=0, unhealthy=0, delete=3)


def test_old_replicas_that_are_not_available_go_first():
    assert step(3, 1, 0, new=1, new_available=0, old=3, old_available=2) == Step(start=0, unhealthy=0, delete=0)
    assert step(3, 1, 1, new=1, new_available=0, old=3, old_available=2) == Step(start=0, unhealthy=1, delete=0)


@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 6), st.data())
def test_a_rolling_update_stays_within_its_limits_and_comes_to_its_end(wanted, surge, unavailable, data):
    unavailable = min(wanted, max(unavailable, 0 if surge else 1))
    new, available, old, old_available = 0, 0, wanted, data.draw(st.integers(0, wanted))
    for _ in range(100):
        broken = old - old_available
        now = step(wanted, surge, unavailable, new, available, old, old_available)
        assert now.start + now.unhealthy + now.delete or new > available or (new, old) == (wanted, 0)
        new += now.start
        old_available -= now.delete
        old -= now.delete + now.unhealthy
        assert new + old <= wanted + surge
        assert available + old_available >= min(wanted - unavailable, available + old_available + now.delete)
        assert old - old_available == broken - now.unhealthy
        available += data.draw(st.integers(min(1, new - available), new - available))
    assert (new, available, old) == (wanted, wanted, 0)


# -- effect on users ---------------------------------------------------------------------------------------------------


def test_a_good_version_of_a_single_replica_loses_no_request():
    assert failures(MESH) == 0


def test_a_version_that_never_gets_ready_loses_no_request_either():
    assert failures(MESH, unhealthy=1.0, share=1.0) == 0


@pytest.mark.parametrize("strategy", ["recreate", "in_place"])
def test_a_single_replica_that_goes_before_the_other_one_comes_is_missed(strategy):
    assert 40 < failures(mesh(1, strategy=strategy)) < 100  # a second of start-up and some draining, at 50/s


def test_blue_and_green_lose_no_request():
    assert failures(mesh(3, strategy="blue_green", keep="2s")) == 0


# -- complete timelines ------------------------------------------------------------------------------------------------


def test_the_new_replica_is_ready_before_the_old_one_goes():
    told, left = deploy(MESH)
    assert told == [
        (1000, "deployment", "db"),
        (1000, "restart", "db-1"),
        (2000, "replica_restored", "db-1"),
        (2000, "deployment_completed", "db"),
        (2250, "replica_removed", "db-0"),
    ]
    assert left == [("db-1", "2.0.0")]


def test_a_version_that_fails_its_checks_is_deleted_after_its_patience_and_the_old_one_was_there_all_the_time():
    told, left = deploy(MESH, unhealthy=1.0, patience=3.0)
    assert [event[1:] for event in told] == [
        ("deployment", "db"),
        ("restart", "db-1"),
        ("rollback", "db"),
        ("rollback_completed", "db"),
        ("replica_removed", "db-1"),
    ]
    assert told[2][0] - 2000 == pytest.approx(3000, abs=500)
    assert left == [("db-0", "1.0.0")]


def test_without_patience_nobody_rolls_back_as_with_kubernetes_alone():
    told, left = deploy(MESH, unhealthy=1.0, patience=None)
    assert "rollback" not in [kind for _, kind, _ in told]
    assert left == [("db-0", "1.0.0"), ("db-1", "2.0.0")]


def test_recreate_starts_nothing_before_the_last_old_replica_is_gone():
    told, left = deploy(mesh(2, strategy="recreate"))
    assert [event[1:] for event in told if event[1] != "replica_restored"] == [
        ("deployment", "db"),
        ("replica_removed", "db-1"),
        ("replica_removed", "db-0"),
        ("restart", "db-2"),
        ("restart", "db-3"),
        ("deployment_completed", "db"),
    ]
    assert left == [("db-2", "2.0.0"), ("db-3", "2.0.0")]


def test_green_gets_the_traffic_at_once_and_blue_is_kept_for_a_while():
    told, left = deploy(mesh(2, strategy="blue_green", keep="5s"))
    switched = next(time for time, kind, _ in told if kind == "traffic_switched")
    removed = [time for time, kind, _ in told if kind == "replica_removed"]
    assert switched == pytest.approx(2000, abs=300)
    assert removed == pytest.approx([switched + 5250] * 2, abs=300)
    assert left == [("db-2", "2.0.0"), ("db-3", "2.0.0")]


def test_the_traffic_goes_back_to_blue_at_once_when_somebody_says_so():
    told, left = deploy(mesh(2, strategy="blue_green", keep="60s"), rollback_after=10.0)
    assert [(time, kind) for time, kind, _ in told if kind in ("rollback", "traffic_switched")][1:] == [
        (11_000, "rollback"),
        (11_000, "traffic_switched"),
    ]
    assert left == [("db-0", "1.0.0"), ("db-1", "1.0.0")]


# -- canaries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["rolling", "recreate", "blue_green"])
@pytest.mark.parametrize(("canary", "size"), [(Portion(1), 1), (Portion(share=0.3), 2), (Portion(share=0.0), 1)])
def test_a_canary_gets_the_version_and_the_others_keep_theirs(strategy, canary, size):
    told, left = deploy(mesh(4, strategy=strategy), canary=canary)
    assert sorted(version for _, version in left) == ["1.0.0"] * (4 - size) + ["2.0.0"] * size
    assert "canary" in [kind for _, kind, _ in told]
    assert "deployment_completed" not in [kind for _, kind, _ in told]


def test_a_canary_goes_on_after_its_time():
    told, left = deploy(mesh(4), canary=Portion(1), hold=10.0)
    times = {kind: time for time, kind, _ in told}
    assert times["deployment_completed"] > times["canary"] + 10_000
    assert [version for _, version in left] == ["2.0.0"] * 4


def test_a_canary_of_a_service_whose_replicas_keep_their_names_is_the_first_of_them():
    _, left = deploy(mesh(3, strategy="in_place"), canary=Portion(1))
    assert left == [("db-0", "2.0.0"), ("db-1", "1.0.0"), ("db-2", "1.0.0")]


def test_a_version_on_one_replica_stays_there_and_the_others_keep_theirs():
    told, left = deploy(mesh(3), target=Target("replica", "db", 1))
    assert left == [("db-0", "1.0.0"), ("db-1", "2.0.0"), ("db-2", "1.0.0")]
    assert told[0] == (1000, "deployment", "db-1")


def test_a_version_on_one_replica_that_fails_its_checks_comes_back():
    told, left = deploy(mesh(3), target=Target("replica", "db", 1), unhealthy=1.0, patience=5.0)
    assert (told[0][1:], left[1]) == (("deployment", "db-1"), ("db-1", "1.0.0"))
    assert ("rollback", "db-1") in [event[1:] for event in told]


# -- reasons to roll back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["rolling", "recreate", "blue_green", "in_place"])
def test_somebody_rolls_back_by_hand_at_the_time_that_the_scenario_says(strategy):
    told, left = deploy(mesh(2, strategy=strategy, keep="1s"), rollback_after=30.0)
    assert [time for time, kind, _ in told if kind == "rollback"] == [31_000]
    assert [kind for _, kind, _ in told].count("rollback_completed") == 1
    assert [version for _, version in left] == ["1.0.0"] * 2


def test_a_version_that_spends_its_error_budget_comes_back_and_one_that_does_not_stays():
    bad = failures(mesh(2), share=0.5, error_budget=Budget(0.1))
    assert 5 <= bad < 40  # ten answers suffice to judge, and the replica is drained at once
    assert (
        failures(mesh(2), share=0.05, error_budget=Budget(0.2)) > 0.03 * 50 * 30
    )  # the version stays, and so does the fault


# -- faults on new replicas --------------------------------------------------------------------------------------------


def test_a_fault_that_began_before_a_replica_acts_on_it_until_it_is_over():
    stage = Stage(MESH)
    stage.fault(Refuse(id="refuse", target=DB), 500, 20_000)
    stage.fault(Deploy(id="deploy", target=DB, patience=None), 1000, 2000)
    stage.mesh.env.advance(10)
    assert [[type(each._fault) for each in replica.modifiers] for replica in stage.mesh.services["db"].replicas] == [
        [Refuse],
        [Refuse, Deploy],
    ]
    stage.mesh.env.advance(60)
    assert [(each.name, len(each.modifiers)) for each in stage.mesh.services["db"].replicas] == [("db-1", 1)]


def test_a_service_that_is_down_keeps_down_what_is_added_to_it():
    stage = Stage(MESH)
    stage.fault(Stop(id="stop", target=DB), 500, 20_000)
    stage.fault(Deploy(id="deploy", target=DB, patience=None), 1000, 2000)
    stage.mesh.env.advance(19)
    assert [replica.up for replica in stage.mesh.replicas] == [True, False, False]
    stage.mesh.env.advance(60)
    assert [(each.name, each.up, each.ready) for each in stage.mesh.services["db"].replicas] == [("db-1", True, True)]


def test_a_fault_on_a_replica_that_is_gone_has_nothing_to_act_on():
    stage = Stage(MESH)
    stage.fault(Deploy(id="deploy", target=DB), 1000, 2000)
    stage.fault(Stop(id="stop", target=Target("replica", "db", 0)), 10_000, 20_000)
    stage.request(15_000)
    assert [line.split(": ")[1] for line in stage.play()] == ["success"] * 3


def test_a_replica_for_which_the_cluster_has_no_room_waits():
    full = MESH + "cluster: {cores: 32}\n"  # web and db take 16 each
    told, left = deploy(full, patience=5.0)
    assert [event[1:] for event in told] == [
        ("deployment", "db"),
        ("unschedulable", "db"),
        ("rollback", "db"),
        ("rollback_completed", "db"),
    ]
    assert left == [("db-0", "1.0.0")]
    assert deploy(MESH + "cluster: {cores: 48}\n")[1] == [("db-1", "2.0.0")]
