"""Background activity is no cause in the answer key; near a fault's onset it is a red herring."""

from datetime import datetime

import pytest
from twin_runs import compare, simulation

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse as mesh_of

MESH = """
name: besides
services:
  web: {kind: gateway, replicas: 2, operations: {home: {work: 2ms, calls: [cart.get]}}}
  cart: {replicas: 2, startup: 1s, operations: {get: {work: 3ms, calls: [db.read]}}}
  db: {kind: database, replicas: 2, operations: {read: {work: 3ms}}}
environment:
  load: {cores: 30%, workers: 20%}
  jobs: [{name: tidy, on: cart, every: 20s, takes: 2s}, {name: still, every: 20s, takes: 1s, quiet: true}]
  memory: {growth: 0%, db: {growth: 3000%}}
  deploys: 20s
workload: {rate: 30/s, mix: {web.home: 1}}
"""
OPTIONS = Options(lead_in=30.0, duration=20.0, recovery=10.0, confounders="none")


@pytest.fixture(scope="module")
def seen():
    return compare(simulation("fail: {target: db.read, share: 80%}", mesh=MESH, options=OPTIONS))


def test_what_the_mesh_does_by_itself_is_listed_with_the_first_event_of_each(seen):
    background = seen.key["background"]
    assert {each["kind"] for each in background} == {"job", "restart", "deploy"}
    assert len({each["id"] for each in background}) == len(background)
    jobs = [each for each in background if each["kind"] == "job"]
    assert all(each["event"]["type"] == "scheduled_job" and each["target"].startswith("cart[") for each in jobs)
    deploys = [each["event"] for each in background if each["kind"] == "deploy"]
    assert deploys and {event["type"] for event in deploys} == {"deployment"}
    recycled = [each["event"] for each in background if each["kind"] == "restart"]
    assert recycled and all(event is None or event["type"] == "restart" for event in recycled)
    starts = seen.frames["events"].filter(type="scheduled_job")["details"].str.contains("started").sum()
    assert starts == len(jobs)


def test_a_deploy_is_over_once_it_is_completed_whether_the_mesh_made_it_or_the_scenario():
    text = "background: [deploy: {target: cart, version: 9.0.0, at: 5s}]\nfaults: [slow: {target: db, factor: 2}]"
    loaded = parse(f"name: x\n{text}\n", "x.yaml", OPTIONS, mesh=mesh_of(MESH, "mesh.yaml"))
    told = compare(Simulation.of(loaded))
    deploys = {each["id"]: each for each in told.key["background"] if each["kind"] == "deploy"}
    completed = told.frames["events"].filter(type="deployment_completed")
    over = dict(completed.select("service", "timestamp").iter_rows())
    assert len(deploys) == len(completed) > 1 and "deploy-1" in deploys
    end = told.key["recording"]["end"]
    assert all(datetime.fromisoformat(each["end"]) < datetime.fromisoformat(end) for each in deploys.values())
    ends = sorted(datetime.fromisoformat(each["end"]) for each in deploys.values())
    assert ends == sorted(datetime.fromisoformat(moment) for moment in completed["timestamp"])
    assert datetime.fromisoformat(deploys["deploy-1"]["end"]) == datetime.fromisoformat(over["cart"])


def test_near_the_onset_it_is_ruled_out_by_the_run_without_the_fault(seen):
    (fault,) = seen.key["faults"]
    assert seen.key["incident"] and fault["root_cause"]["service"] == "db"
    herrings = {each["what"] for each in fault["red_herrings"] if each["kind"] == "event"}
    assert {"scheduled_job", "deployment"} <= herrings
    assert all(
        "run without faults" in each["ruled_out_by"] for each in fault["red_herrings"] if each["kind"] == "event"
    )


def test_without_the_fault_nobody_is_harmed_and_all_is_the_same_until_it_acts(seen):
    twin = seen.without("fail-1")
    before = seen.key["faults"][0]["start"]
    for kind, time in (("metrics", "timestamp"), ("logs", "timestamp"), ("events", "timestamp")):
        fact, other = (frames[kind].filter(frames[kind][time] <= before) for frames in (seen.frames, twin))
        assert len(fact) > 0 and fact.equals(other), kind
    assert seen.twins.background == 0


def test_the_same_seed_gives_the_same_bytes():
    def play():
        return compare(simulation(mesh=MESH, options=OPTIONS))

    one, other = play(), play()
    assert all(one.frames[kind].equals(other.frames[kind]) for kind in one.frames)
    assert one.key == other.key and not one.key["incident"]
