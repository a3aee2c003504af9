"""The effect of each kind of fault, its scaling with severity, and that nothing of it stays."""

from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage, play, sites_of, topology_of, unfold

from meshquake.faults.change import Change
from meshquake.faults.effect import Effect
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.kinds.configure import Configure
from meshquake.faults.kinds.delay import Delay
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.flip import Flip
from meshquake.faults.kinds.flush import Flush
from meshquake.faults.kinds.handshake import Handshake
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.job import Job
from meshquake.faults.kinds.leak import Leak
from meshquake.faults.kinds.miss import Miss
from meshquake.faults.kinds.pause import Pause
from meshquake.faults.kinds.probe import Probe
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.reset import Reset
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.kinds.scale import Scale
from meshquake.faults.kinds.shrink_pool import ShrinkPool
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.kinds.throttle import Throttle
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.spec import Edge

DB = Target("service", "db")
EDGE = Target("edge", "web", callee="db")
USERS = Target("users")
#: A web in front of a db, with queues and no policies: no request gains from anything that slows another one.
TWO = """
name: two
defaults:
  service: {workers: 4, queue: 1000000, startup: 500ms, readiness: {period: 1s, failure_threshold: 2}}
  edge: {latency: {exponential: 1ms}, connect_timeout: 500ms, balance: random}
services:
  web: {workers: 1000, operations: {home: {work: {exponential: 5ms}, calls: [db.get]}}}
  db: {operations: {get: {work: {exponential: 20ms}}}}
workload: {rate: 100/s, mix: {web.home: 1}}
"""
MESH = topology_of(TWO)
ROOMY = topology_of(TWO.replace("workers: 4", "workers: 1000"))
WINDOW = Window(5, 5, 15)
#: Requests other than those of a surge have lower numbers.
USUAL = 2**40
#: One of each kind, as strong as this mesh can survive.
ONE_OF_EACH = {
    "configure": Configure(target=DB),
    "drop": Drop(target=EDGE, share=0.8),
    "delay": Delay(target=EDGE, by=0.1),
    "deploy": Deploy(target=DB, share=0.8, unhealthy=1.0, patience=2.0),
    "fail": Fail(target=DB, share=0.8),
    "flip": Flip(target=EDGE, set=Change.made_of(Edge, {"timeout": 0.02})),
    "flush": Flush(target=DB, warm=0.5),
    "handshake": Handshake(target=EDGE),
    "hang": Hang(target=DB, share=0.02),
    "hog_cpu": HogCpu(target=DB, share=0.6),
    "job": Job(target=DB, share=0.5),
    "leak": Leak(target=DB, rate=200 * 2**20),
    "miss": Miss(target=DB),
    "pause": Pause(target=DB, length=1.0, every=2.0),
    "probe": Probe(target=DB),
    "refuse": Refuse(target=DB, share=0.8),
    "reset": Reset(target=EDGE),
    "scale": Scale(target=DB, to=1),
    "restart": Restart(target=Target("replica", "db", replica=0)),
    "shrink_pool": ShrinkPool(target=EDGE, to=0.1),
    "slow": Slow(target=DB, factor=3.0),
    "stop": Stop(target=DB),
    "surge": Surge(target=USERS, factor=2.0),
    "throttle": Throttle(target=DB, to=0.2),
}


def run(fault=None, severity=1.0, topology=MESH, seconds=20):
    """Return the rows of a run's user requests, by number; the fault acts from 5 to 15 seconds."""
    faults = []
    if fault is not None:
        faults = [(type(fault)(**{**vars(fault), "id": "fault", "severity": severity}), WINDOW)]
    rows = play(topology, 1, seconds * topology.workload.rate, faults)
    return np.sort(rows[rows["site"] == 0], order="number")


def failed(rows):
    """Return the numbers of the requests that failed."""
    return set(rows["number"][rows["outcome"] != SUCCESS].tolist())


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_window_rises_linearly_to_its_whole_strength_and_ends_at_once():
    window = Window(start=10, full=20, end=30)
    assert [window.level(time) for time in (9, 10, 12, 15, 20, 29, 30, 31)] == [0, 0, 0.2, 0.5, 1, 1, 0, 0]
    assert not window.steady


def test_a_window_without_a_ramp_is_at_its_whole_strength_at_once():
    window = Window(start=10, full=10, end=30)
    assert [window.level(time) for time in (9, 10, 29, 30)] == [0, 1, 1, 0]
    assert window.steady


@given(*[st.floats(0, 1e6)] * 5)
def test_the_level_never_falls_while_a_window_is_open_and_is_in_0_1(start, ramp, hold, one, other):
    window = Window(start, start + ramp, start + ramp + hold)
    early, late = sorted((one, other))
    assert 0 <= window.level(early) <= 1
    assert window.level(early) <= window.level(late) or late >= window.end


# -- effects of each kind ----------------------------------------------------------------------------------------------


def test_every_kind_is_looked_at_here():
    assert set(ONE_OF_EACH) == set(fault_kinds())


@pytest.mark.parametrize(
    ("fault", "half", "whole"),
    [
        (Slow(target=DB, factor=5.0), Effect(slowdown=3.0), Effect(slowdown=5.0)),
        (Fail(target=DB, share=0.5, error="unavailable"), *(Effect(fail=s, error="unavailable") for s in (0.25, 0.5))),
        (Refuse(target=DB, share=0.5), *(Effect(refuse=s) for s in (0.25, 0.5))),
        (Hang(target=DB, share=0.5), *(Effect(hang=s) for s in (0.25, 0.5))),
        (HogCpu(target=DB, share=0.5), Effect(hog=0.25), Effect(hog=0.5)),
        (Job(target=DB, share=0.5), Effect(hog=0.25), Effect(hog=0.5)),
        (Drop(target=EDGE, share=0.5), Effect(drop=0.25), Effect(drop=0.5)),
        (Delay(target=EDGE, by=0.5), Effect(delay=0.25), Effect(delay=0.5)),
        (ShrinkPool(target=EDGE, to=0.25), Effect(pool=0.625), Effect(pool=0.25)),
        (
            Deploy(target=DB, share=0.5, factor=3.0, unhealthy=1.0),
            Effect(slowdown=2.0, fail=0.25, error="config_error", probe_failure=1.0),
            Effect(slowdown=3.0, fail=0.5, error="config_error", probe_failure=1.0),
        ),
        (Throttle(target=DB, to=0.5), Effect(quota=0.75), Effect(quota=0.5)),
        (Pause(target=DB), Effect(pause=True, probe_delay=0.25), Effect(pause=True, probe_delay=0.5)),
        (Probe(target=DB, share=0.5, by=4.0), *(Effect(probe_failure=s, probe_delay=8 * s) for s in (0.25, 0.5))),
        (Miss(target=DB, share=0.5), Effect(miss=0.25), Effect(miss=0.5)),
        (Flush(target=DB), Effect(miss=0.5), Effect(miss=1.0)),
        (Handshake(target=EDGE, share=0.5), Effect(unconnected=0.25), Effect(unconnected=0.5)),
        (Configure(target=DB), Effect(), Effect()),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_the_effect_at_half_and_at_whole_strength(fault, half, whole):
    assert (fault.effect(0.5), fault.effect(1.0)) == (half, whole)


def test_a_pool_shrinks_while_the_fault_acts_and_keeps_at_least_one_connection():
    stage = Stage("""
name: pooled
services:
  web: {operations: {home: {calls: [db.get]}}}
  db: {operations: {get: {}}}
edges: {web -> db: {pool: 20}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.fault(ShrinkPool(id="half", target=EDGE, to=0.5), 1000, 5000)
    stage.fault(ShrinkPool(id="none", target=EDGE, to=0.0, severity=0.5), 2000, 4000)
    stage.fault(ShrinkPool(id="all", target=EDGE, to=0.0), 3000, 4000)
    sizes = []
    for second in range(6):
        stage.mesh.env.advance(second + 0.5)
        sizes.append(stage.mesh.services["web"].replicas[0].callers[0].policies["pool"].size)
    assert sizes == [20, 10, 5, 1, 10, 20]


def test_a_configuration_change_is_an_event_and_a_job_is_two():
    stage = Stage("""
name: alone
services: {db: {operations: {get: {work: 10ms}}}}
workload: {rate: 1/s, mix: {db.get: 1}}
""")
    stage.fault(Configure(id="setting", target=DB), 1000, 2000)
    stage.fault(Job(id="job", target=DB, share=0.5), 3000, 4000)
    stage.request(1500, 3500)
    assert stage.play() == [
        "1500-1510 db: success",
        "3500-3520 db: success",
    ]
    assert stage.events() == [
        (1000, "config_change", "db"),
        (3000, "scheduled_job", "db"),
        (4000, "scheduled_job", "db"),
    ]


def test_leaked_memory_stays_until_the_limit_kills_the_process_again_and_again():
    """From a base of 30% of 1000 MiB, some 14 steps of about 50 MiB reach the limit; a start takes a second."""
    stage = Stage("""
name: alone
services: {db: {startup: 1s, memory: 1000MiB, readiness: {period: 600s}, operations: {get: {work: 10ms}}}}
workload: {rate: 1/s, mix: {db.get: 1}}
""")
    stage.fault(Leak(id="leak", target=DB, rate=100 * 2**20), 0, 20_000)
    stage.play()
    first = stage.events()[0][0]
    again = 2 * first + 1000
    assert stage.events() == [
        event
        for start in (first, again)
        for event in [(start, "oom_kill", "db-0"), (start, "replica_stopped", "db-0"), (start, "restart", "db-0")]
    ]
    (replica,) = stage.mesh.replicas
    step = replica.leaked / 2**20 / ((20_000 - again - 1000) / 500)
    assert 45 <= step <= 55
    assert first == 500 * (ceil(700 / step) - 1)


def test_replicas_leak_a_little_differently_and_each_as_its_seed_says():
    text = """
name: many
services: {db: {replicas: 40, memory: 1TiB, operations: {get: {work: 10ms}}}}
workload: {rate: 1/s, mix: {db.get: 1}}
"""
    leaked = []
    for seed in (1, 1, 2):
        stage = Stage(text, seed)
        stage.fault(Leak(id="leak", target=DB, rate=100 * 2**20), 0, 10_000)
        stage.play()
        leaked.append([replica.leaked / (1000 * 2**20) for replica in stage.mesh.replicas])
    assert leaked[0] == leaked[1] != leaked[2]
    assert len(set(leaked[0])) == 40
    assert 0.9 < min(leaked[0]) < 0.93 and 1.07 < max(leaked[0]) < 1.1


ROLLING = """
name: rolling
services:
  db:
    replicas: 2
    rollout: in_place
    startup: 1s
    readiness: {period: 1s, failure_threshold: 1}
    operations: {get: {work: 10ms}}
workload: {rate: 1/s, mix: {db.get: 1}}
"""


def test_a_good_version_rolls_out_replica_by_replica_and_stays():
    stage = Stage(ROLLING)
    stage.fault(Deploy(id="deploy", target=DB, version="2.0.0", factor=2.0), 1000, 2000)
    stage.request(20_000, 20_020)
    assert stage.play() == ["20000-20020 db[1]: success", "20020-20040 db[0]: success"]
    assert stage.events() == [
        (1000, "deployment", "db"),
        (1250, "restart", "db-0"),
        (2250, "replica_restored", "db-0"),
        (4500, "restart", "db-1"),
        (5500, "replica_restored", "db-1"),
        (7500, "deployment_completed", "db"),
    ]
    assert [replica.version for replica in stage.mesh.replicas] == ["2.0.0", "2.0.0"]


def test_a_replica_that_restarts_finishes_its_calls_while_the_others_take_new_ones():
    stage = Stage(ROLLING.replace("10ms", "600ms"))
    stage.fault(Restart(id="restart", target=Target("replica", "db", replica=0)), 1000, 2000)
    stage.request(700, 800, 1100, 1300, 1900)
    assert stage.play() == [
        "700-1300 db[1]: success",
        "800-1400 db[0]: success",
        "1100-1700 db[1]: success",
        "1300-1900 db[1]: success",
        "1900-2500 db[1]: success",
    ]
    assert stage.events() == [(1500, "restart", "db-0"), (2500, "replica_restored", "db-0")]
    assert [replica.version for replica in stage.mesh.replicas] == ["1.0.0", "1.0.0"]


def test_a_call_that_was_on_the_way_when_its_replica_was_drained_is_answered():
    stage = Stage("""
name: far
services:
  web: {operations: {home: {calls: [db.get]}}}
  db: {replicas: 2, startup: 1s, readiness: {period: 1s}, operations: {get: {work: 10ms}}}
edges: {web -> db: {latency: 50ms}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.fault(Restart(id="restart", target=Target("replica", "db", replica=0)), 1000, 2000)
    stage.request(970, 980)
    assert [line for line in stage.play() if " db" in line] == ["1020-1030 db[1]: success", "1030-1040 db[0]: success"]


def test_a_restart_during_a_rollout_waits_until_the_replica_is_back():
    stage = Stage(ROLLING)
    stage.fault(Deploy(id="deploy", target=DB, version="2.0.0"), 1000, 2000)
    stage.fault(Restart(id="restart", target=Target("replica", "db", replica=0)), 1500, 2000)
    stage.play()
    restarts = [event for event in stage.events() if event[1:] == ("restart", "db-0")]
    assert restarts == [(1250, "restart", "db-0"), (2500, "restart", "db-0")]
    assert [replica.version for replica in stage.mesh.replicas] == ["2.0.0", "2.0.0"]


def deployed(*deploys):
    """Return a stage on which versions roll out at given times (ms), and all remaining modifiers, by version."""
    stage = Stage(ROLLING)
    for number, (start, version, keys) in enumerate(deploys):
        stage.fault(Deploy(id=f"deploy-{number}", target=DB, version=version, **keys), start, start + 1000)
    stage.play()
    return stage, [
        (replica.version, [modifier._fault.version for modifier in replica.modifiers])
        for replica in stage.mesh.replicas
    ]


def test_a_newer_rollout_supersedes_one_that_is_under_way():
    stage, running = deployed((1000, "2.0.0", {"share": 1.0}), (3000, "3.0.0", {}))
    assert running == [("3.0.0", ["3.0.0"])] * 2
    assert [event for event in stage.events() if event[1] in ("deployment", "restart", "deployment_completed")] == [
        (1000, "deployment", "db"),
        (1250, "restart", "db-0"),
        (3000, "deployment", "db"),
        (3250, "restart", "db-0"),
        (6500, "restart", "db-1"),
        (9500, "deployment_completed", "db"),
    ]


@pytest.mark.parametrize("start", [1000, 1100, 2500, 4400, 6000])
def test_whenever_a_newer_one_begins_no_replica_keeps_the_older_version_or_what_is_wrong_with_it(start):
    _, running = deployed((1000, "2.0.0", {"share": 1.0}), (start, "3.0.0", {"factor": 2.0}))
    assert running == [("3.0.0", ["3.0.0"])] * 2


def test_a_newer_one_that_fails_its_checks_is_rolled_back_to_the_one_that_it_superseded():
    stage, running = deployed((1000, "2.0.0", {"share": 1.0}), (3000, "3.0.0", {"unhealthy": 1.0, "patience": 3.0}))
    assert running == [("2.0.0", ["2.0.0"])] * 2
    assert [kind for _, kind, _ in stage.events()].count("rollback") == 1


def test_a_rollout_supersedes_a_rollback_too():
    stage, running = deployed((1000, "2.0.0", {"unhealthy": 1.0, "patience": 3.0}), (6000, "3.0.0", {"share": 1.0}))
    assert "rollback" in [kind for _, kind, _ in stage.events()]
    assert "rollback_completed" not in [kind for _, kind, _ in stage.events()]
    assert running == [("3.0.0", ["3.0.0"])] * 2


def test_a_deploy_that_was_superseded_is_over_when_its_last_replica_is_replaced():
    mesh = Mesh(topology_of(ROLLING), 1, end=20)
    over = {}

    def watched(fault, window):
        yield from unfold(mesh, fault, window)
        over[fault.id] = mesh.now

    for number, (start, version) in enumerate(((1.0, "2.0.0"), (3.0, "3.0.0"))):
        fault = Deploy(id=f"deploy-{number}", target=DB, version=version)
        mesh.env.process(watched(fault, Window(start, start, start + 1)))
    mesh.env.advance(20)
    assert list(over) == ["deploy-0"] and over["deploy-0"] == pytest.approx(3.25, abs=0.3)


def test_a_version_that_fails_its_health_checks_is_rolled_back_and_the_other_replicas_are_spared():
    stage = Stage(ROLLING)
    stage.fault(Deploy(id="deploy", target=DB, version="2.0.0", unhealthy=1.0, patience=3.0), 1000, 2000)
    stage.play()
    told = [event for event in stage.events() if event[1] != "health_check_failed"]
    assert [(kind, who) for _, kind, who in told] == [
        ("deployment", "db"),
        ("restart", "db-0"),
        ("replica_restored", "db-0"),
        ("replica_ejected", "db-0"),
        ("rollback", "db"),
        ("restart", "db-0"),
        ("replica_restored", "db-0"),
        ("rollback_completed", "db"),
    ]
    failures = {who for _, kind, who in stage.events() if kind == "health_check_failed"}
    assert failures == {"db-0"}
    assert [replica.version for replica in stage.mesh.replicas] == ["1.0.0", "1.0.0"]


@pytest.mark.parametrize("kind", [Refuse, Hang])
def test_what_strikes_one_operation_leaves_the_others_and_the_health_checks_alone(kind):
    stage = Stage("""
name: two-operations
services:
  web: {operations: {read: {calls: [db.get]}, write: {calls: [db.put]}}}
  db: {readiness: {period: 1s}, operations: {get: {work: 10ms}, put: {work: 10ms}}}
edges: {web -> db: {timeout: 500ms}}
workload: {rate: 1/s, mix: {web.read: 1, web.write: 1}}
""")
    stage.fault(kind(id="fault", target=Target("operation", "db", operation="get")), 1000, 20000)
    stage.request(10000, entry=1)
    assert {line.rpartition(": ")[2] for line in stage.play()} == {"success"}
    assert not [event for event in stage.events() if event[1] in ("health_check_failed", "replica_ejected")]


# -- severity ----------------------------------------------------------------------------------------------------------

SEVERITIES = (0.1, 0.3, 0.6, 1.0)


@pytest.mark.parametrize("kind", ["fail", "refuse", "drop", "stop"])
def test_what_fails_at_some_severity_fails_at_any_higher_one(kind):
    fault = ONE_OF_EACH[kind]
    sets = [failed(run(fault, severity)) for severity in SEVERITIES]
    assert failed(run()) == set()
    for less, more in pairwise(sets):
        assert less < more


@pytest.mark.parametrize(("kind", "share"), [("fail", 0.8), ("drop", 0.8)])
def test_the_share_that_fails_is_severity_times_the_faults_own(kind, share):
    for severity in SEVERITIES:
        rows = run(ONE_OF_EACH[kind], severity)
        struck = rows[(rows["sent"] > 5) & (rows["sent"] < 14.9)]
        assert (struck["outcome"] != SUCCESS).mean() == pytest.approx(severity * share, abs=0.05)


@pytest.mark.parametrize("kind", ["slow", "delay", "hog_cpu", "job", "hang"])
def test_no_request_is_sooner_over_at_a_higher_severity(kind):
    """Without policies this holds for each request, not only on average, as long as they keep their order."""
    # Calls overtake those that are delayed more, and with a queue some would finish sooner.
    topology = ROOMY if kind == "delay" else MESH
    runs = [run(topology=topology), *(run(ONE_OF_EACH[kind], severity, topology) for severity in SEVERITIES)]
    # Nor does it hold for calls in flight when the window ends: one that arrives later misses the delay back.
    finished = [rows["finished"][rows["sent"] < 14] for rows in runs]
    for less, more in pairwise(finished):
        assert (less <= more + 1e-9).all()
    assert finished[-1].mean() > finished[0].mean() + 0.02


def test_a_surge_adds_users_to_the_usual_ones_in_proportion_to_severity():
    usual = run()["sent"]
    for severity in SEVERITIES:
        rows = run(ONE_OF_EACH["surge"], severity)
        ordinary = rows["number"] < USUAL
        assert np.array_equal(rows["sent"][ordinary], usual)
        extra = rows["sent"][~ordinary]
        assert extra.min() >= 5
        assert extra.max() < 15
        assert len(extra) == pytest.approx(10 * 100 * severity, abs=4 * np.sqrt(1000 * severity))


def test_a_process_is_down_for_the_share_of_the_window_that_severity_says():
    for severity in SEVERITIES:
        rows = run(ONE_OF_EACH["stop"], severity)
        refused = rows["sent"][rows["outcome"] != SUCCESS]
        down = 10 * severity + 0.5  # it takes half a second to start
        assert refused.min() == pytest.approx(5, abs=0.3)
        assert refused.max() == pytest.approx(5 + down, abs=1.1)  # and is found ready at the next probe


def test_a_process_is_said_to_be_down_for_as_long_as_it_is_and_not_to_go_down_in_a_ramp():
    stop = Stop(target=DB, severity=0.5)
    assert stop.acts(Window(5, 9, 15)) == Window(5, 5, 10)
    assert ONE_OF_EACH["slow"].acts(Window(5, 9, 15)) == Window(5, 9, 15)


def test_memory_leaks_at_a_rate_in_proportion_to_severity():
    kills = []
    for severity in SEVERITIES:
        mesh = Mesh(MESH, 1, end=20)
        fault = Leak(id="leak", target=DB, rate=200 * 2**20, severity=severity)
        mesh.env.process(unfold(mesh, fault, WINDOW))
        mesh.env.advance(20)
        kills.append(sum(event.type == "oom_kill" for event in mesh.journal.events))
    assert kills == [0, 1, 3, 4]


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_a_new_version_fails_the_share_of_its_requests_that_severity_says(severity):
    fault = Deploy(id="fault", target=DB, share=0.4, severity=severity)
    rows = play(MESH, 1, 6000, [(fault, WINDOW)])
    calls = rows[np.isin(rows["site"], sites_of(Mesh(MESH, 1, 0.0), "db")) & (rows["arrived"] > 12)]
    assert set(calls["outcome"].tolist()) == {SUCCESS, CODES["config_error"]}
    assert (calls["outcome"] != SUCCESS).mean() == pytest.approx(0.4 * severity, abs=0.03)


# -- afterwards --------------------------------------------------------------------------------------------------------

TIMES = ["number", "sent", "arrived", "started", "finished", "outcome"]


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_some_time_after_a_fault_every_request_fares_as_if_it_had_never_been(kind):
    """To the bit: requests have their own draws, and an empty queue keeps no memory of the past."""
    usual, after = run(seconds=60), run(ONE_OF_EACH[kind], seconds=60)
    after = after[after["number"] < USUAL]
    late = usual["sent"] > 45
    assert late.sum() > 1000
    assert np.array_equal(usual[late][TIMES], after[late][TIMES])


def test_faults_that_overlap_leave_no_more_behind_than_one():
    kinds = ("drop", "delay", "fail", "hang", "hog_cpu", "refuse", "slow", "stop", "leak", "deploy")
    faults = [
        (type(fault)(**{**vars(fault), "id": kind}), Window(5 + place, 6 + place, 12 + place % 4))
        for place, (kind, fault) in enumerate((kind, ONE_OF_EACH[kind]) for kind in kinds[:6])
    ] + [
        (type(fault)(**{**vars(fault), "id": kind}), Window(6, 6, 14))
        for kind, fault in ((kind, ONE_OF_EACH[kind]) for kind in kinds[6:])
    ]
    rows = play(MESH, 1, 9000, faults)
    after = np.sort(rows[rows["site"] == 0], order="number")
    usual = run(seconds=90)
    late = usual["sent"] > 75
    assert np.array_equal(usual[late][TIMES], after[late][TIMES])


def test_a_surge_of_one_population_has_its_entries_for_roots_whatever_dots_are_in_their_names():
    mesh = topology_of(
        "name: dots\nservices:\n  web.app: {operations: {home: {work: 1ms}}}\n  api: {operations: {a.b: {work: 1ms}}}\n"
        "workload: {populations: {p: {rate: 1/s, mix: {web.app.home: 1, api.a.b: 1}}}}\n"
    )
    assert Surge(target=Target("users"), population="p", factor=2).roots(mesh) == ("web.app", "api")
