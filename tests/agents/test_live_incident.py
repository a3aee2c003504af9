"""A live incident, played by its responder: what is observable, which actions exist, and that it replays exactly."""

import json
from pathlib import Path

import polars as pl
import pytest
from commandline import play
from mending import MENDINGS
from twin_runs import frames

from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.tools.tool import ToolError
from meshquake.exporters.formats.ndjson import NdjsonSink
from meshquake.faults.loader import Options, parse
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.objective import Promise
from meshquake.truth.watch import Watch

MESH = """
name: two
defaults: {service: {workers: 8, startup: 1s, readiness: {period: 1s}}, edge: {latency: 1ms}}
services:
  web: {replicas: 2, workers: 50, operations: {home: {work: 1ms, calls: db.get}, about: {work: 1ms}}}
  db: {replicas: 2, rollout: in_place, operations: {get: {work: 10ms}}}
workload: {rate: 30/s, mix: {web.home: 2, web.about: 1}}
"""
TEXT = """
name: evening
lead_in: 5s
duration: 20s
recovery: 5s
confounders: some
faults:
  - hang: {target: db, share: 20%}
actions:
  - mend: {target: db, at: 3s}
"""
OPTIONS = Options(seed=5)


def small(text=TEXT, mesh=MESH, **settings):
    loaded = parse(text, "evening.yaml", OPTIONS, mesh=topology_loader.parse(mesh, "mesh.yaml"))
    return LiveIncident(loaded, OPTIONS, **settings)


def acted(**settings):
    """Play ten seconds, a restart, five seconds, a setting, and the rest."""
    incident = MENDINGS["release"].live(takes=10, **settings)
    incident.until_alert()
    incident.act("restart", target="order-service", graceful=False)
    incident.wait(5)
    incident.act("set_policy", target="order-service -> database", settings={"retry": "none"}, seconds=7.5)
    seen = json.dumps(incident.observe())
    incident.wait(1000)
    return incident, seen + json.dumps(incident.observe(600))


def test_the_same_done_at_the_same_times_is_the_same_to_the_byte_also_by_the_command_line(tmp_path):
    files = NdjsonSink(tmp_path)
    (one, seen), (other, again) = acted(on_batch=files.write), acted()
    files.close()
    assert seen == again
    assert one.scenario() == other.scenario()
    saved = tmp_path / "saved.yaml"
    saved.write_text(one.scenario(), encoding="utf-8")
    command = one.scenario().split("\n")[0].removeprefix("# python run.py ").replace("FILE", str(saved))
    place = Path(play(tmp_path / "out", *command.split(), "--no-truth")["folder"])
    for kind in RECORD_KINDS:
        assert (place / f"{kind}.ndjson").read_bytes() == (tmp_path / f"{kind}.ndjson").read_bytes()
    assert [done.remedy for done in one.done] == ["restart", "set_policy"]
    assert one.done[1].at == pytest.approx(one.done[0].at + 15)


def test_a_remedy_takes_its_time_and_what_is_refused_takes_none():
    incident = small()
    incident.wait(4.2)
    assert incident.now == 5
    assert incident.act("restart", target="db[1]").at == pytest.approx(5)
    assert incident.now == 15
    with pytest.raises(ToolError, match="unknown service 'dbb'"):
        incident.act("restart", target="dbb")
    assert (incident.now, len(incident.done)) == (15, 1)


def test_what_the_scenario_did_about_it_is_left_out_since_whoever_plays_acts():
    incident = small()
    incident.wait(100)
    assert incident.script.scenario.actions == ()
    assert (incident.finish().averted, incident.finish().harm) == (0, incident.finish().prospects.left)
    assert incident.finish().best_averted > 50


def ended():
    incident = small()
    incident.wait(1000)
    assert incident.left == 0
    return incident


def judged():
    incident = small()
    incident.wait(5)
    incident.finish()
    return incident


@pytest.mark.parametrize("over", [ended, judged])
@pytest.mark.parametrize(("name", "arguments"), [("restart", {"target": "db"}), ("wait", {"seconds": 1})])
def test_once_the_recording_ended_or_it_is_judged_nothing_can_be_done(over, name, arguments):
    incident = over()
    with pytest.raises(ToolError, match="the incident is over"):
        incident.act(name, **arguments)


def test_who_looks_learns_nothing_of_the_fault_nor_how_it_will_end():
    incident = small(TEXT.replace("hang:", "restart: {target: 'db[0]'}\n  - hang:"))
    incident.wait(8)
    done = incident.act("restart", target="db")
    told = json.dumps(incident.observe(600)) + repr(done)
    assert not any(word in told for word in ("hang", "restart-", "evening", "other 1"))
    assert all(each["timestamp"] < "2024-01-15T10:30:18" for each in incident.observe(600)["events"])


def test_events_are_seen_at_once_however_long_requests_hang():
    incident = small()
    incident.wait(7)
    incident.act("drain", target="db[0]")
    assert "taken_out" in {each["type"] for each in incident.observe()["events"]}
    incident.wait(1000)
    played = frames(Simulation.of(incident.script.loaded).batches())["events"]
    assert incident.events().equals(played.filter(pl.col("timestamp") < "2024-01-15T10:30:30"))


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("hang: {target: db, share: 20%}", "slow: {target: db, factor: 150}")]
)
def test_alerts_fire_in_the_seconds_at_whose_end_the_promise_is_broken_by_all_that_is_known_afterwards(text):
    incident = small(text)
    fired = []
    while not incident.over:
        incident.wait(1)
        fired.append([entry in {alert.entry for alert in incident.firing} for entry in ("", "web.home", "web.about")])
    run = Simulation.of(incident.script.loaded)
    promise, watch = Promise(run.topology.workload.objective, 2, 30), Watch(run, sampled=False)
    for cut in watch.cuts:
        watch.take(cut)
        promise.count(watch.settled(watch.horizon))
    assert fired == promise.broken().tolist()
    assert any(fired[10]) and not any(fired[4]) and not fired[10][2]


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("reboot", {"target": "db"}, "there is no remedy 'reboot'"),
        ("restart", {}, "missing key 'target'"),
        (
            "restart",
            {"targt": "db"},
            r"(?s)missing key 'target'.*targt: unknown key .did you mean 'target'.*restart takes",
        ),
        ("restart", {"target": 3}, 'target: must be a text such as "database", not 3'),
        ("restart", {"target": "any"}, "target: say which: nothing is drawn here"),
        ("restart", {"target": "web -> db"}, "target: a restart action acts on a service"),
        ("restart", {"target": "x" * 300}, "target: must be a text"),
        ("restart", {"target": "db", "graceful": "yes"}, "graceful: must be true or false, not 'yes'"),
        ("restart", {"target": {1, 2}}, "restart: arguments must be JSON"),
        ("scale", {"target": "db", "replicas": 0}, "replicas: must be at least 1, not 0"),
        ("scale", {"target": "db", "replicas": True}, "replicas: must be a whole number, not true"),
        ("drain", {"target": "db"}, "target: a drain action acts on a replica"),
        ("drain", {"target": "db[7]"}, "db"),
        ("drain", {"target": "db[0]", "seconds": 0}, "seconds: must be more than 0, not 0"),
        ("set_policy", {"target": "db", "settings": "none"}, "settings: must be an object"),
        ("set_policy", {"target": "db", "settings": {"workres": 3}}, "workres"),
        ("set_policy", {"target": "db", "settings": {"queue": None}}, "to turn something off, write `none`"),
        ("set_policy", {"target": "web -> db", "settings": {"retry": {"max_attempts": -3}}}, "max_attempts"),
        ("shift_traffic", {"target": "db", "to_version": "1", "from_version": "2"}, "no versions side by side"),
        (
            "shift_traffic",
            {"target": "db", "to_version": "1", "from_version": "2", "share": 2},
            "share: must be at most 1",
        ),
        ("toggle_flag", {"target": "users"}, "users"),
        ("wait", {"seconds": 0}, "seconds: must be a number above 0, not 0"),
        ("wait", {"seconds": "long"}, "seconds: must be"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(name, arguments, wrong):
    incident = small()
    incident.wait(2)
    before = incident.scenario()
    with pytest.raises(ToolError, match=wrong):
        incident.act(name, **arguments)
    assert (incident.scenario(), incident.now) == (before, 2)


def test_a_hidden_fault_is_that_of_the_exercise_of_the_seed(tmp_path):
    (tmp_path / "two.yaml").write_text(MESH)
    options = Options(topology=tmp_path / "two.yaml", rate=4)
    one, other, same = (LiveIncident.hidden(seed=seed, options=options) for seed in (3, 4, 3))
    assert same.scenario() == one.scenario() != other.scenario()
    assert one.until_alert() and len(one.script.scenario.faults) == 1
