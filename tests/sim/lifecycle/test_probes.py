"""Probes and the consequences of their failures: complete timelines, with Kubernetes' own numbers."""

from dataclasses import replace

import numpy as np
import pytest
from stage import Stage, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.leak import Leak
from meshquake.faults.kinds.pause import Pause
from meshquake.faults.kinds.probe import Probe
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.loader import parse
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import SUCCESS
from meshquake.topology.problems import DocumentError

DB = Target("service", "db")


def alone(keys, probes="readiness: {period: 1s, failure_threshold: 1}", startup="1s"):
    """Return a stage with one replica of one service."""
    return Stage(f"""
name: alone
services: {{db: {{startup: {startup}, {probes}, {keys}, operations: {{get: {{work: 10ms}}}}}}}}
workload: {{rate: 1/s, mix: {{db.get: 1}}}}
""")


def times(stage, kind):
    """Return the times of events of a kind (seconds)."""
    return [event[0] / 1000 for event in stage.events() if event[1] == kind]


def intervals(stage, kind):
    return np.diff(times(stage, kind)).round(6).tolist()


# -- liveness ---------------------------------------------------------------------------------------------------


def test_a_process_that_fails_three_liveness_probes_is_started_again_once_its_requests_had_their_time():
    stage = alone("liveness: {grace: 2s}")
    stage.fault(Hang(id="stuck", target=DB), 1000, 60_000)
    stage.request(1000.1)
    stage.mesh.env.advance(40)
    failed = times(stage, "liveness_failed")[:3]
    assert np.diff(failed).round(6).tolist() == [10, 10]
    assert times(stage, "replica_stopped") == pytest.approx([failed[2] + 2])
    assert times(stage, "restart") == times(stage, "replica_stopped")


def test_one_that_keeps_failing_is_started_after_pauses_that_double_up_to_five_minutes():
    """CrashLoopBackOff: at once, then after 10, 20, 40, 80, 160, 300 and 300 s."""
    stage = alone("liveness: {grace: 0s}")
    stage.fault(Probe(id="broken", target=DB), 0, 3_000_000)
    stage.mesh.env.advance(2500)
    stopped, started = times(stage, "replica_stopped"), times(stage, "restart")
    pauses = [round(start - stop, 6) for stop, start in zip(stopped, started, strict=False)]
    assert pauses[:8] == [0, 10, 20, 40, 80, 160, 300, 300]
    told = [event.attributes["pause_s"] for event in stage.mesh.journal.events if event.type == "back_off"]
    assert told[:7] == [10, 20, 40, 80, 160, 300, 300]


def test_the_pauses_start_anew_once_a_process_has_lived_for_ten_minutes():
    stage = alone("liveness: {grace: 0s}")
    for number, (start, end) in enumerate([(0, 100_000), (800_000, 835_000)]):
        stage.fault(Probe(id=f"broken-{number}", target=DB), start, end)
    stage.mesh.env.advance(900)
    late = [time for time in times(stage, "replica_stopped") if time > 800]
    assert times(stage, "back_off")[-1] < 800
    assert times(stage, "restart")[-1] == late[0]


def test_a_process_that_takes_longer_to_start_than_its_probe_has_patience_for_never_gets_up():
    def ups(liveness):
        stage = alone(f"liveness: {liveness}", startup="40s")
        stage.fault(Stop(id="stop", target=DB), 1000, 2000)
        stage.mesh.env.advance(200)
        return stage.mesh.replicas[0].up

    assert not ups("{}")
    assert ups("{initial_delay: 30s}")


def test_while_a_stop_keeps_a_replica_down_nobody_asks_whether_it_lives():
    stage = alone("liveness: {period: 1s}")
    stage.fault(Stop(id="stop", target=DB), 1000, 30_000)
    stage.mesh.env.advance(40)
    assert min(times(stage, "liveness_failed")) > 30  # and once after it, before the process is up
    assert times(stage, "restart") == [30]


def test_memory_kills_wait_too_where_the_file_says_so_and_do_not_where_it_does_not():
    def pauses(keys):
        stage = alone(f"memory: 64MiB, {keys}")
        stage.fault(Leak(id="leak", target=DB, rate=32 * 2**20), 0, 120_000)
        stage.mesh.env.advance(120)
        pairs = zip(times(stage, "oom_kill"), times(stage, "restart"), strict=False)
        return [round(start - kill, 6) for kill, start in pairs]

    assert pauses("restart_backoff: 10s")[:4] == [0, 10, 20, 40]
    assert set(pauses("version: 1.0.0")) == {0}


def test_probes_that_take_longer_than_their_timeout_fail_and_others_do_not():
    def failures(by):
        stage = alone("liveness: {timeout: 2s, period: 5s}", "readiness: {period: 5s, timeout: 3s}")
        stage.fault(Probe(id="slow", target=DB, by=by), 0, 14_000)
        stage.mesh.env.advance(14)
        return bool(times(stage, "health_check_failed")), bool(times(stage, "liveness_failed"))

    assert [failures(by) for by in (1.0, 2.5, 4.0)] == [(False, False), (False, True), (True, True)]


# -- startup ----------------------------------------------------------------------------------------------------


def test_until_its_startup_probe_succeeds_a_process_is_not_ready_and_no_other_probe_asks():
    """Started at 2 s and up at 27 s: asked at 2, 12, 22 and 32 s. A liveness probe alone would kill it at 22 s."""
    stage = alone("liveness: {period: 1s}, startup_probe: {failure_threshold: 30}", startup="25s")
    stage.fault(Stop(id="stop", target=DB), 1000, 2000)
    stage.mesh.env.advance(60)
    assert times(stage, "startup_failed") == [2, 12, 22]
    assert times(stage, "replica_restored") == [32]
    assert not times(stage, "liveness_failed")
    assert [time for time in times(stage, "health_check_failed") if time > 2] == []


def test_a_process_that_a_startup_probe_does_not_find_is_ended_and_started_again_after_the_kubelets_pauses():
    stage = alone("startup_probe: {}", startup="40s")
    stage.fault(Stop(id="stop", target=DB), 1000, 2000)
    stage.mesh.env.advance(150)
    assert times(stage, "replica_stopped") == [1, 22, 42, 72, 112]
    assert times(stage, "restart") == [2, 22, 52, 92]  # after 0, 10 and 20 s


def test_a_startup_probe_costs_a_run_nothing_in_which_no_process_starts():
    def seen(keys):
        stage = alone(keys)
        stage.fault(Slow(id="slow", target=DB, factor=3.0), 1000, 2000)
        stage.request(500, 1500)
        return stage.play(), stage.events()

    assert seen("startup_probe: {}") == seen("version: 1.0.0")


def test_a_rollout_whose_replicas_do_not_pass_their_startup_probe_is_taken_back():
    stage = alone("startup_probe: {period: 1s}", startup="500ms")
    deploy = Deploy(id="bad", target=DB, version="2.0.0", unhealthy=1.0, patience=10.0)
    stage.fault(deploy, 1000, 60_000)
    stage.mesh.env.advance(60)
    assert times(stage, "startup_failed")
    assert len(times(stage, "rollback")) == 1
    assert {replica.version for replica in stage.mesh.replicas} == {"1.0.0"}


# -- probes that fail by themselves -----------------------------------------------------------------------------


@pytest.mark.parametrize("only", ["readiness", "liveness", None])
def test_a_fault_of_one_kind_of_probe_leaves_the_others_alone(only):
    stage = alone("liveness: {period: 1s}")
    stage.fault(Probe(id="broken", target=DB, only=only), 0, 10_000)
    stage.mesh.env.advance(3)
    assert bool(times(stage, "replica_ejected")) == (only != "liveness")
    assert bool(times(stage, "liveness_failed")) == (only != "readiness")


def test_a_fault_of_a_probe_that_a_service_does_not_have_is_refused():
    text = "name: x\nfaults: [{probe: {target: database, only: startup}}]"
    with pytest.raises(DocumentError, match="database has no startup probe: give it startup_probe"):
        parse(text, "x.yaml")


def test_a_change_of_the_readiness_probe_counts_from_the_next_probe_on():
    stage = alone("version: 1.0.0", "readiness: {period: 5s, timeout: 3s}")
    stage.fault(Probe(id="slow", target=DB, by=2.0), 0, 60_000)
    text = "name: x\nfaults: [{flip: {target: database, set: {readiness: {timeout: 1s}}}}]"
    flip = replace(parse(text, "x.yaml").scenario.faults[0], target=DB)
    stage.fault(flip, 10_000, 40_000)
    stage.mesh.env.advance(60)
    failed = times(stage, "health_check_failed")
    assert failed
    assert 10 < min(failed) <= 15
    assert 35 < max(failed) <= 40


# -- readiness --------------------------------------------------------------------------------------------------

#: A self-sustaining overload: four attempts per call demand more than two cores can serve.
FEEDING = """
name: feeding
services:
  web: {{kind: gateway, workers: 400, queue: 2000, operations: {{home: {{work: 0.5ms, calls: app.get}}}}}}
  app:
    workers: 64
    queue: 300
    cpu: 2
    readiness: {{looks_at: {looks_at}}}
    operations: {{get: {{work: {{exponential: 10ms}}}}}}
edges: {{web -> app: {{timeout: 300ms, retry: {{max_attempts: 4, base: 10ms}}}}}}
workload: {{rate: 140/s, mix: {{web.home: 1}}}}
"""


def test_an_overload_lasts_after_its_trigger_unless_a_probe_that_looks_at_the_queue_drains_it():
    """Work of 10 ms at 140/s on two cores is a load of .7; the trigger raises it to 2.1 for ten seconds."""

    def goodput(looks_at):
        mesh = Mesh(topology_of(FEEDING.format(looks_at=looks_at)), 1, end=75.0)
        mesh.env.process(
            unfold(mesh, Slow(id="trigger", target=Target("service", "app"), factor=3.0), Window(5, 5, 15))
        )
        mesh.env.advance(80)
        rows = take_rows(mesh)
        late = rows[(rows["site"] == 0) & (rows["sent"] > 60) & (rows["sent"] < 75)]
        return (late["outcome"] == SUCCESS).mean()

    assert goodput("process") < 0.3
    assert goodput("queue") > 0.95


# -- how failures read ------------------------------------------------------------------------------------------


REFUSED = "connect: connection refused"
UNWELL = "HTTP probe failed with statuscode: 503"
UNHEARD = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


@pytest.mark.parametrize(
    ("fault", "over_http", "by_command"),
    [
        (Hang(id="x", target=DB), UNHEARD, "command timed out"),
        (Pause(id="x", target=DB, length=5.0, every=5.0), UNHEARD, "command timed out"),
        (Probe(id="x", target=DB, by=5.0), UNHEARD, "command timed out"),
        (Probe(id="x", target=DB), UNWELL, "command exited with status 1"),
        (Refuse(id="x", target=DB), REFUSED, "connection refused"),
        (Stop(id="x", target=DB), REFUSED, "connection refused"),
    ],
    ids=["hang", "pause", "slow probe", "probe", "refuse", "stop"],
)
def test_a_probe_that_is_refused_one_that_fails_and_one_that_nobody_answers_read_differently(
    fault, over_http, by_command
):
    """Services are asked over HTTP, databases by a command."""
    for kind, words in (("service", over_http), ("database", by_command)):
        stage = alone(f"kind: {kind}")
        stage.fault(fault, 1000, 8000)
        stage.mesh.env.advance(5)
        failed = [event for event in stage.mesh.journal.events if event.type == "health_check_failed"]
        assert {event.attributes["reason"] for event in failed} == {words}


def test_a_full_queue_is_answered_with_a_status():
    stage = alone("workers: 1, queue: 1", "readiness: {period: 1s, looks_at: queue}")
    stage.fault(Slow(id="slow", target=DB, factor=1000), 0, 20_000)
    stage.request(10, 20)
    stage.mesh.env.advance(5)
    failed = [event for event in stage.mesh.journal.events if event.type == "health_check_failed"]
    assert {event.attributes["reason"] for event in failed} == {UNWELL}
