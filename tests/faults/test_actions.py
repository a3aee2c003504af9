"""The effect of an operator's action on a mesh, and what a file can say about it."""

import json
from datetime import datetime, timedelta

import mendable
import pytest
from stage import Stage
from twin_runs import OPTIONS, frames

from meshquake.faults.actions import action_kinds
from meshquake.faults.fault import Target, Window
from meshquake.faults.loader import Options, parse
from meshquake.faults.recipe import Recipe
from meshquake.faults.writing import block
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

MESH = """
name: two
defaults: {service: {workers: 1000, startup: 1s, readiness: {period: 1s}}, edge: {latency: 1ms}}
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, rollout: in_place, operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 100ms, balance: round_robin}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
ROUTE = """
name: route
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db:
    operations: {get: {work: 10ms}}
    versions:
      old: {weight: 1}
      new: {weight: 1}
workload: {rate: 100/s, mix: {web.home: 1}}
"""
RELEASED = ("deployment", "deployment_completed", "rollback", "rollback_completed")
LENGTHS = Options(lead_in=4.0, duration=20.0, recovery=4.0, confounders="none")


def run(*actions, faults=(), mesh=MESH, options=LENGTHS):
    """Play some actions, given as in a scenario file, to the end; returns the run and a summary of its events."""
    text = f"name: acts\nfaults: [{', '.join(f'{{{each}}}' for each in faults)}]\n"
    text += f"actions: [{', '.join(f'{{{each}}}' for each in actions)}]\n"
    loaded = parse(text, "acts.yaml", options, mesh=topology_loader.parse(mesh, "mesh.yaml"))
    simulation = Simulation.of(loaded)
    records = frames(simulation.batches())
    begin = simulation.start + timedelta(seconds=options.lead_in)
    told = [
        (round((datetime.fromisoformat(time) - begin).total_seconds(), 2), type, details)
        for time, type, details in records["events"].select("timestamp", "type", "details").iter_rows()
    ]
    return simulation, records, told


def refused(text):
    with pytest.raises(DocumentError) as caught:
        parse(text, "acts.yaml", mesh=topology_loader.parse(MESH, "mesh.yaml"))
    return [str(problem) for problem in caught.value.problems]


def test_a_rollback_takes_back_a_release_that_is_over_and_leaves_the_version_before():
    release = "deploy: {target: db, version: 2.0.0, share: 100%, patience: none}"
    simulation, records, told = run("rollback: {target: db, at: 10s}", faults=[release])
    assert [each for each in told if each[1] in RELEASED] == [
        (0.0, "deployment", "Deployment of db 2.0.0 (was 1.0.0)"),
        (6.5, "deployment_completed", "Every replica of db runs 2.0.0"),
        (10.0, "rollback", "Rollback of db to 1.0.0 by hand (was 2.0.0)"),
        (12.5, "rollback_completed", "Every replica of db runs 1.0.0 again"),
    ]
    assert {replica.version for replica in simulation.mesh.services["db"].replicas} == {"1.0.0"}
    (fault,) = simulation.scenario.faults
    assert simulation.acted(fault).end == pytest.approx(4 + 12.5, abs=0.3)
    failed = records["traces"].filter(kind="server", service="db", status="error")["timestamp"]
    assert "10:30:14" < failed.max()[11:19] < "10:30:18"


def test_a_rollback_stops_a_release_that_is_under_way():
    release = "deploy: {target: db, version: 2.0.0, share: 100%, patience: none}"
    simulation, _, told = run("rollback: {target: db, at: 2s}", faults=[release])
    types = [each[1] for each in told]
    assert types.count("rollback") == types.count("rollback_completed") == 1
    assert "deployment_completed" not in types
    assert {replica.version for replica in simulation.mesh.services["db"].replicas} == {"1.0.0"}


def test_a_rollback_where_nothing_was_released_does_nothing():
    assert run("rollback: {target: db, at: 2s}")[2] == []


def test_a_service_restarts_replica_by_replica_each_once_the_one_before_is_ready():
    simulation, _, told = run("restart: {target: db, at: 1s}")
    assert told == [  # 250 ms of draining, a second of start-up, and again
        (1.25, "restart", "db-0 starts (restart)"),
        (2.25, "replica_restored", "db-0 is ready (2 of 2)"),
        (2.5, "restart", "db-1 starts (restart)"),
        (3.5, "replica_restored", "db-1 is ready (2 of 2)"),
    ]
    assert all(replica.restarts == 1 and replica.ready for replica in simulation.mesh.services["db"].replicas)


def test_without_grace_a_replica_is_killed_and_loses_its_calls():
    busy = MESH.replace("10ms", "90ms").replace("20/s", "100/s")
    _, records, told = run('restart: {target: "db[0]", at: 1s, graceful: false}', mesh=busy)
    assert told[:2] == [(1.0, "replica_stopped", "db-0 ended (killed)"), (1.0, "restart", "db-0 starts (restart)")]
    assert records["traces"].filter(error_type="connection_reset", kind="client").height > 0


def test_a_replica_that_is_drained_gets_no_calls_until_it_is_put_back():
    _, records, told = run('drain: {target: "db[0]", at: 2s, for: 4s}')
    assert told == [
        (2.0, "taken_out", "db-0 is taken out of rotation by hand (1 of 2 left)"),
        (6.0, "put_back", "db-0 is put back in rotation by hand (2 of 2)"),
    ]
    served = records["traces"].filter(kind="server", replica="db-0")["timestamp"].str.slice(11, 11)
    assert not [each for each in served if "10:30:06.01" < each < "10:30:10"]
    assert [each for each in served if each > "10:30:10"]


def test_a_setting_is_changed_and_changed_back():
    _, records, told = run("change: {target: web -> db, at: 2s, for: 3s, set: {timeout: 5ms}}")
    assert told == [
        (2.0, "config_change", "edges.web -> db.timeout set to 5ms"),
        (5.0, "config_change", "edges.web -> db.timeout set to 100ms"),
    ]
    late = records["traces"].filter(kind="client", error_type="timeout")["timestamp"].str.slice(11, 8)
    assert (late.min(), late.max()) == ("10:30:06", "10:30:08")


def test_traffic_shifts_to_one_of_two_versions():
    _, records, _ = run("shift: {target: db, to: old, from: new, at: 2s}", mesh=ROUTE)
    spans = records["traces"].filter(kind="server", service="db")
    shares = [
        spans.filter(spans["timestamp"].str.slice(11, 8).is_between(*times))["version"].value_counts(normalize=True)
        for times in (("10:30:00", "10:30:05"), ("10:30:07", "10:30:28"))
    ]
    assert dict(shares[0].iter_rows())["new"] == pytest.approx(0.5, abs=0.1)
    assert dict(shares[1].iter_rows()) == {"old": 1.0}


def test_scaling_adds_replicas_by_hand():
    simulation, _, told = run("scale: {target: db, to: 4, at: 1s}")
    assert told[0] == (1.0, "scaled", "db is scaled up from 2 to 4 replicas (by hand)")
    assert sum(replica.ready for replica in simulation.mesh.services["db"].replicas) == 4


@pytest.mark.parametrize("kind", mendable.KINDS)
def test_a_fault_that_is_mended_leaves_nothing_behind(kind):
    target, keys = mendable.FAULTS[kind]
    fault = json.dumps({kind: {"target": target, **keys}})[1:-1]
    simulation, records, _ = run(
        f'mend: {{target: "{mendable.where(kind)}", at: 5s}}', faults=[fault], mesh=mendable.MESH
    )
    (acting,) = simulation.scenario.faults
    assert simulation.acted(acting).end == 9.0
    mesh = simulation.mesh
    assert not mesh.under_way and not mesh.acting and not mesh.stopped
    assert not any(edge.modifiers for edge in mesh.edges)
    assert not any(replica.modifiers or not replica.up for replica in mesh.replicas)
    calm = records["traces"].filter(records["traces"]["timestamp"].str.slice(11, 8) > "10:30:15")
    assert calm["status"].unique().to_list() == ["success"]


def test_of_several_faults_one_is_mended_by_its_id():
    faults = ["slow: {target: db, factor: 2}", "slow: {target: db, factor: 3}"]
    simulation, _, _ = run("mend: {target: db, fault: slow-2, at: 5s}", faults=faults)
    assert [simulation.acted(fault).end for fault in simulation.scenario.faults] == [24.0, 9.0]


def test_what_is_done_at_a_moment_comes_before_all_else_of_it():
    stage = Stage(MESH)
    stage.request(3)  # arrives at 4 ms, sent at 3 ms
    done = action_kinds()["drain"](target=Target("replica", "db", 0), id="d")
    stage.mesh.env.call_at(
        0.005, lambda _: stage.mesh.env.process(done.run(stage.mesh, Window(0.005, 0.005, 60))), urgent=True
    )
    assert stage.play()[-1].endswith("db[1]: success")


def test_what_is_wrong_with_actions_is_told_at_once_by_line():
    problems = refused(
        """name: acts
faults:
  - slow: {target: db, factor: 3}
actions:
  - rolback: {target: db}
  - drain: {target: db}
  - restart: {target: "db[7]", severity: 50%}
  - mend: {target: db, fault: slow-3}
  - scale: {target: db, to: 3, at: 2h}
  - change: {target: web -> db, set: {latency: 1ms}}
  - shift: {target: db, to: a, from: b}
  - rollback: {target: db, id: slow-1}
  - any: {}
"""
    )
    assert problems == [
        "acts.yaml:5: actions[0].rolback: unknown kind of action 'rolback' (did you mean 'rollback'?)",
        "acts.yaml:6: actions[1].drain.target: a drain action acts on a replica (service[0]); db is a service",
        "acts.yaml:7: actions[2].restart.target: the last replica of db is db[1]",
        "acts.yaml:7: actions[2].restart: unknown key 'severity' (valid: id, target, targets, at, graceful)",
        "acts.yaml:8: actions[3].mend.fault: there is no fault 'slow-3' (did you mean 'slow-1'?)",
        "acts.yaml:9: actions[4].scale: begins at 2h of the incident, which is outside the recording "
        "(lead_in 1m, duration 1m, recovery 1m)",
        "acts.yaml:10: actions[5].change.set.latency: belongs to the network and is not a setting: use a delay fault "
        "to change it",
        "acts.yaml:11: actions[6].shift.target: db has no versions side by side to shift requests between",
        "acts.yaml:12: actions[7].rollback.id: the fault on line 3 is also called 'slow-1'",
        "acts.yaml:13: actions[8].any: unknown kind of action 'any' "
        "(valid: change, drain, mend, restart, rollback, scale, shift)",
    ]


def test_every_kind_of_action_is_read_back_as_it_is_written():
    text = """name: acts
actions:
  - change: {target: web -> db, set: {timeout: 5ms}, for: 3s}
  - drain: {target: "db[0]"}
  - mend: {target: db}
  - restart: {target: db}
  - rollback: {targets: [web, db], at: 10%}
  - scale: {target: db, to: 4}
"""
    mesh = topology_loader.parse(MESH, "mesh.yaml")
    actions = parse(text, "acts.yaml", LENGTHS, mesh=mesh).scenario.actions
    assert {action.kind for action in actions} == set(action_kinds().own) - {"shift"}
    written = [block(action) for action in actions]
    again = "name: acts\nactions:\n"
    for keys in written:
        again += f"  - {keys.pop('kind')}: {keys!s}\n"
    assert parse(again, "acts.yaml", LENGTHS, mesh=mesh).scenario.actions == actions


def test_actions_move_no_confounder_and_no_default_id():
    text = "name: acts\nfaults: [slow: {target: database, factor: 40}]\n"
    text += "background: [restart: {target: 'cache-service[0]'}]\n"
    plain = parse(text, "acts.yaml", OPTIONS).scenario
    acting = parse(f"{text}actions: [restart: {{target: database}}]\n", "acts.yaml", OPTIONS).scenario
    assert (acting.faults, acting.background) == (plain.faults, plain.background)
    assert [action.id for action in acting.actions] == ["restart-2"]


def test_an_action_is_set_and_left_out_by_its_id_as_a_fault_is():
    text = "name: acts\nfaults: [slow: {target: db, factor: 4}]\nactions: [mend: {target: db, fault: slow-1, at: 5s}]\n"
    recipe = Recipe(text, MESH, LENGTHS, "here")
    assert recipe.load_with(["actions.mend-1.at=7s"]).scenario.actions[0].at.seconds == 7.0
    assert recipe.load_with(without=["mend-1"]).scenario.actions == ()
    assert recipe.load_with(without=["slow-1"]).scenario.actions[0].fault == "slow-1"
    with pytest.raises(DocumentError, match=r"no such fault, background event or action .did you mean .mend-1"):
        recipe.load_with(without=["mend-2"])
