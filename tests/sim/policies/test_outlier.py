"""Outlier detection by Envoy's numbers, and retries that avoid the replicas tried before."""

import pytest
from stage import Stage, play, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.policies.outlier import Detector


def failing(replica=None, share=1.0, error="unavailable"):
    """Return a fault that fails the requests of app, or of one replica of it."""
    target = Target("service", "app") if replica is None else Target("replica", "app", replica)
    return fault_kinds()["fail"](id=f"f{replica}", target=target, share=share, error=error)


def mesh(outlier, replicas=4, more=""):
    """Return a mesh in which web, one replica, calls app round robin."""
    return f"""
name: outlier
defaults: {{edge: {{latency: 0ms}}, service: {{readiness: {{period: 10m}}}}}}
services:
  web: {{workers: 1000, operations: {{home: {{calls: [app.get]}}}}}}
  app: {{replicas: {replicas}, workers: 100, operations: {{get: {{work: 1ms}}}}}}
edges: {{web -> app: {{outlier: {outlier}{more}}}}}
workload: {{rate: 100/s, mix: {{web.home: 1}}}}
"""


def ejections(stage):
    """Return when which replica was ejected or returned, in seconds."""
    return [
        (round(event.time, 3), "out" if event.type == "outlier_ejected" else "in", event.attributes["host"])
        for event in stage.mesh.journal.events
    ]


def test_envoys_timeline_of_a_replica_that_fails_for_two_minutes():
    """Ejected at the fifth consecutive failure; back at the first sweep after 30, 60 or 90 s."""
    stage = Stage(mesh("{}"))
    stage.fault(failing(0), 0, 120_000)
    stage.request(*range(0, 400_000, 100))  # each replica gets a request per 400 ms, or per 300 ms while one is out
    stage.play(400_000)
    timeline = ejections(stage)
    # Requests at 0.3, 0.7, ... go to app-0: the fifth is at 1.9 s.
    assert timeline[0] == (1.901, "out", "app-0")
    assert timeline[1] == (40, "in", "app-0")  # 30 s are over at 31.9; the sweep is at 40
    assert timeline[2][1:] == ("out", "app-0") and 41 < timeline[2][0] < 43
    assert timeline[3] == (110, "in", "app-0")  # 60 s are over at 102
    assert timeline[4][1:] == ("out", "app-0") and 111 < timeline[4][0] < 113
    assert timeline[5] == (210, "in", "app-0")  # 90 s
    assert len(timeline) == 6


def test_each_sweep_at_which_a_replica_is_in_takes_one_off_the_number_of_its_ejections():
    stage = Stage(mesh("{consecutive: 1}"))
    stage.request(*range(0, 200_000, 100))
    stage.fault(failing(0), 1000, 1350)  # ejected for 30 s
    stage.fault(failing(0), 41_000, 41_350)  # and again, with no sweep in between: 60 s
    stage.fault(failing(0), 125_000, 125_350)  # and again, after only the sweep at 120: 60 s
    stage.play(200_000)
    times = [time for time, _, _ in ejections(stage)]
    assert [round(time) for time in times] == [1, 40, 41, 110, 125, 190]


def test_no_more_are_out_than_may_be_and_yet_always_one():
    stage = Stage(mesh("{most: 50%, panic: 0%, interval: 1h}"))
    stage.fault(failing(), 0, 60_000)
    stage.request(*range(0, 60_000, 100))
    stage.play(60_000)
    assert len(ejections(stage)) == 2
    stage = Stage(mesh("{most: 0%, interval: 1h}"))
    stage.fault(failing(), 0, 60_000)
    stage.request(*range(0, 60_000, 100))
    stage.play(60_000)
    assert len(ejections(stage)) == 1


def test_in_panic_all_are_used_and_without_it_calls_fail_as_if_none_were_ready():
    """3 of 4 replicas are out, so fewer than half are left."""
    for panic, failed in (("50%", 0.75), ("0%", 0.0)):
        stage = Stage(mesh(f"{{most: 100%, panic: {panic}, interval: 1h}}"))
        for replica in range(3):
            stage.fault(failing(replica), 0, 60_000)
        stage.request(*range(0, 20_000, 100))
        lines = stage.play(60_000)
        late = [line for line in lines if " web>app" in line][100:]
        assert len(ejections(stage)) == 3
        assert sum("unavailable" in line for line in late) / len(late) == failed
    stage = Stage(mesh("{most: 100%, panic: 0%, interval: 1h}", replicas=1))
    stage.fault(failing(), 0, 60_000)
    stage.request(*range(0, 1000, 100))
    assert stage.play()[-1] == "900-900 web>app: no_ready_replica"


def test_gateway_failures_are_counted_by_themselves():
    """A 500 is a failure but no gateway failure; a timeout is both (504)."""
    for error, ejected in (("internal", 0), ("timeout", 1)):
        stage = Stage(mesh("{consecutive: none, gateway: 3, interval: 1h}"))
        stage.fault(failing(0, error=error), 0, 60_000)
        stage.request(*range(0, 10_000, 100))
        stage.play(60_000)
        assert len(ejections(stage)) == ejected


def test_success_rates_are_compared_in_sweeps():
    """Five replicas get 100 requests each in 10 s; one fails 30%, far below the mean less 1.9 standard deviations."""
    for replicas, ejected in ((5, ["app-0"]), (4, [])):  # Envoy compares five or more
        stage = Stage(mesh("{consecutive: none}", replicas))
        stage.fault(failing(0, share=0.3), 0, 9000)
        stage.request(*range(0, 9990, 16))
        stage.play(11_000)
        assert [(time, host) for time, _, host in ejections(stage)] == [(10, host) for host in ejected]


def test_the_limit_on_failures_needs_no_comparison():
    for share, ejected in ((1.0, 1), (0.5, 0)):
        stage = Stage(mesh("{consecutive: none, success_rate: none, failure_share: 85%}", 6))
        stage.fault(failing(0, share), 0, 9000)
        stage.request(*range(0, 9000, 25))
        stage.play(11_000)
        assert len(ejections(stage)) == ejected


def test_a_replica_that_fails_fast_is_ejected_in_a_second_though_retries_hide_it():
    """The black hole behind retries: with `least_request`, the replica that fails at once would attract most calls."""
    topology = topology_of("""
name: hole
services:
  gw: {kind: gateway, replicas: 2, workers: 64, operations: {home: {work: 1ms, calls: app.get}}}
  app: {replicas: 4, workers: 16, cpu: 4, operations: {get: {work: {lognormal: {median: 40ms, sigma: 0.3}}}}}
edges:
  gw -> app: {timeout: 1s, balance: least_request, retry: {max_attempts: 3, base: 5ms}, outlier: {}}
workload: {rate: 200/s, mix: {gw.home: 1}}
""")
    rows = play(topology, 1, 4000, [(failing(0), Window(2, 2, 12))])
    calls = rows[(rows["caller"] >= 0) & (rows["result"] != 0)]
    assert calls["ended"].max() < 3.0
    assert len(calls) <= 2 * (5 + 4)  # five in a row for each caller, plus those then in flight


def test_a_new_process_of_the_callee_is_another_host():
    stage = Stage(mesh("{interval: 1h}"))
    stage.fault(failing(0), 0, 3000)
    stage.request(*range(0, 3500, 100))
    stage.fault(fault_kinds()["stop"](id="s", target=Target("replica", "app", 0)), 4000, 5000)
    detector = stage.mesh.services["web"].replicas[0].callers[0].policies["outlier"]
    assert isinstance(detector, Detector)
    stage.play(3900)
    assert detector.ejected == 1
    stage.play(60_000)
    assert detector.ejected == 0


@pytest.mark.parametrize(("avoid", "failed"), [("true", 0), ("false", 1)])
def test_another_attempt_avoids_the_replicas_tried_before(avoid, failed):
    """With round robin, the second attempt of a call returns to the same replica if another call comes in between."""
    stage = Stage(
        mesh("none", replicas=2, more=f", avoid_tried: {avoid}, retry: {{max_attempts: 2, base: 40ms, maximum: 40ms}}")
    )
    stage.fault(failing(0), 0, 1000)
    stage.request(*range(0, 1000, 10))
    lines = [line for line in stage.play() if " web:" in line]
    assert (sum("success" not in line for line in lines) > 0) == bool(failed)


def test_with_each_replica_tried_all_are_free_again():
    stage = Stage(mesh("none", replicas=2, more=", avoid_tried: true, retry: {max_attempts: 4, base: 0ms}"))
    stage.fault(failing(), 0, 1000)
    stage.request(0)
    tried = [line.split()[1] for line in stage.play() if " app[" in line]
    assert len(tried) == 4 and set(tried[:2]) == {"app[0]:", "app[1]:"}
