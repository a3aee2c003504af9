"""Versions that run side by side are separate deployments, each scaled, autoscaled and replaced by itself."""

from collections import Counter

import numpy as np
import pytest
from laws import check_idle
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.scale import Scale
from meshquake.faults.loader import load
from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.rollout import RECREATE

APP = Target("service", "app")
MESH = """
name: two
services:
  web: {kind: gateway, workers: 100, operations: {home: {work: 1ms, calls: app.get}}}
  app:
    workers: 8
    cpu: 8
    startup: 1s
    readiness: {period: 1s, failure_threshold: 1}
    operations: {get: {work: 20ms}}
    versions: {v1: {replicas: 2}, v2: {replicas: 2, operations: {get: {work: 40ms, error_rate: 100%}}}}
edges: {web -> app: {latency: 0ms}}
workload: {rate: 50/s, mix: {web.home: 1}}
"""
WEIGHTS = (("v1: {", "v1: {weight: 50, "), ("v2: {", "v2: {weight: 50, "))


def mesh(*changes):
    """Return the text with some changes."""
    text = MESH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def run(text, seconds, faults=()):
    """Return the mesh after some seconds, with faults that begin at given times."""
    running = Mesh(topology_of(text), 1, end=seconds)
    for fault, second in faults:
        running.env.process(unfold(running, fault, Window(second, second, second + 1)))
    running.env.advance(seconds)
    return running


def fleet(running):
    """Return how many replicas of each deployment run which version."""
    return Counter((each.deployment.version, each.version) for each in running.services["app"].replicas)


def test_a_version_is_scaled_by_itself():
    up, down = (Scale(id=f"s{to}", target=APP, deployment="v1", to=to) for to in (5, 1))
    assert fleet(run(mesh(), 10, [(up, 1)])) == {("v1", "v1"): 5, ("v2", "v2"): 2}
    running = run(mesh(), 20, [(up, 1), (down, 10)])
    assert fleet(running) == {("v1", "v1"): 1, ("v2", "v2"): 2}
    events = [event for event in running.journal.events if event.type == "scaled"]
    assert [(event.version, event.details) for event in events] == [
        ("v1", "app v1 is scaled up from 2 to 5 replicas (by hand)"),
        ("v1", "app v1 is scaled down from 5 to 1 replicas (by hand)"),
    ]
    drain(running)
    running.env.advance(running.now + 60)
    check_idle(running)


@pytest.mark.parametrize("strategy", ["rolling", RECREATE, "blue_green", "in_place"])
def test_a_rollout_replaces_one_version_and_leaves_the_other_as_it_is(strategy):
    text = mesh(("v2: {", f"v2: {{rollout: {{strategy: {strategy}, keep: 1s}}, "))
    running = run(text, 40, [(Deploy(id="d", target=APP, deployment="v2"), 1)])
    assert fleet(running) == {("v1", "v1"): 2, ("v2", "2.0.0"): 2}
    (begun,) = [event for event in running.journal.events if event.type == "deployment"]
    assert (begun.version, begun.attributes["previous"], begun.attributes["replicas"]) == ("2.0.0", "v2", 2)


def test_what_takes_the_place_of_a_version_does_its_work_and_gets_its_share_of_the_calls():
    running = run(mesh(*WEIGHTS), 100, [(Deploy(id="d", target=APP, deployment="v2"), 1)])
    drain(running)
    rows = take_rows(running)
    late = rows[(rows["caller"] >= 0) & (rows["sent"] > 20)]
    versions = np.array([running.incarnations[each][1] for each in late["replica"]])
    took = {
        version: set(np.round((late["finished"] - late["arrived"])[versions == version], 3))
        for version in ("v1", "2.0.0")
    }
    assert took == {"v1": {0.02}, "2.0.0": {0.04}}
    assert set(late["outcome"][versions == "v1"]) == {0} and 0 not in late["outcome"][versions == "2.0.0"]
    assert (versions == "v1").mean() == pytest.approx(0.5, abs=0.04)


def test_a_bad_version_of_one_comes_back_to_that_one():
    bad = Deploy(id="d", target=APP, deployment="v1", unhealthy=1.0, patience=5)
    running = run(mesh(), 40, [(bad, 1)])
    assert fleet(running) == {("v1", "v1"): 2, ("v2", "v2"): 2}
    assert [event.version for event in running.journal.events if event.type == "rollback"] == ["v1"]


def test_each_version_has_an_autoscaler_of_its_own_and_those_that_are_given_none_have_none():
    # 50/s split 80:20: v1 uses 40/s x 20 ms = 0.8 of its core, and v2 10/s x 40 ms = 0.4; at 20% each, 4 and 2
    # replicas.
    scaled = "autoscale: {maximum: 9, cpu: 20%, sync: 5s, cpu_initialization: 0s, initial_readiness: 0s}"
    weights = [("v1: {", "v1: {weight: 80, "), ("v2: {", "v2: {weight: 20, "), ("replicas: 2", "replicas: 1")]
    base = [*weights, ("    cpu: 8\n", f"    cpu: 1\n    {scaled}\n")]
    assert fleet(run(mesh(*base), 60)) == {("v1", "v1"): 4, ("v2", "v2"): 2}
    off = [("v1: {weight", "v1: {autoscale: none, weight")]
    assert fleet(run(mesh(*base, *off), 60)) == {("v1", "v1"): 1, ("v2", "v2"): 2}
    other = [("v1: {weight", "v1: {autoscale: {maximum: 3}, weight")]
    assert fleet(run(mesh(*base, *other), 60)) == {("v1", "v1"): 3, ("v2", "v2"): 2}


def test_another_replica_of_a_version_may_run_another_one_alone():
    running = run(mesh(), 10, [(Deploy(id="d", target=Target("replica", "app", 3)), 1)])
    assert fleet(running) == {("v1", "v1"): 2, ("v2", "v2"): 1, ("v2", "2.0.0"): 1}


SIDE_BY_SIDE = "app has versions side by side, each its own deployment: name one of v1, v2, as in deployment: v1"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("scale: {target: app, to: 3}", SIDE_BY_SIDE),
        ("deploy: {target: app}", SIDE_BY_SIDE),
        ("deploy: {target: app, deployment: v3}", "app has no version 'v3' (valid: v1, v2)"),
        (
            "deploy: {target: 'app[0]', deployment: v1}",
            "deployment applies to a service: app[0] already belongs to one",
        ),
        (
            "scale: {target: web, deployment: v1, to: 3}",
            "web has no versions side by side, so it has only one deployment: leave",
        ),
        ("deploy: {target: app, deployment: v1, canary: 3}", "its canary is 3 replicas, but v1 of app has 2 replicas"),
    ],
)
def test_a_scenario_says_which_version_it_means(tmp_path, fault, message):
    (tmp_path / "mesh.yaml").write_text(mesh(), encoding="utf-8")
    (tmp_path / "s.yaml").write_text(f"name: s\ntopology: mesh.yaml\nfaults:\n  - {fault}\n", encoding="utf-8")
    with pytest.raises(DocumentError) as refused:
        load(tmp_path / "s.yaml")
    (problem,) = refused.value.problems
    assert problem.message.startswith(message) and problem.line == 4


def test_what_a_version_cannot_have_is_said_where_it_stands():
    for keys, message in (
        ("autoscale: {maximum: 2, minimum: 3}", "has a minimum of 3, above its maximum of 2"),
        ("rollout: {max_surge: 0, max_unavailable: 0}", "has both max_surge and max_unavailable at 0"),
    ):
        with pytest.raises(DocumentError) as refused:
            parse(mesh(("v1: {", f"v1: {{{keys}, ")), "mesh.yaml")
        (problem,) = refused.value.problems
        assert problem.message.startswith(message) and problem.path.startswith("services.app.versions.v1")
