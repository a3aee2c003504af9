"""Versions of a service side by side: how calls are routed, how each behaves, and how they show in the telemetry."""

import math
from collections import Counter

import numpy as np
import pytest
from stage import drain, take_rows, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.scenario import Scenario
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.estimates import call_rates, offered_load
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError

#: Bookinfo's reviews: v1 shows no stars, v2 and v3 ask for ratings.
BOOKINFO = """
name: bookinfo
services:
  productpage: {kind: gateway, workers: 100, operations: {get: {work: 1ms, calls: [reviews.get]}}}
  reviews:
    workers: 100
    operations: {get: {work: 2ms, calls: [ratings.get]}}
    versions:
      v1: {operations: {get: {work: 1ms}}}
      v2: {}
      v3: {operations: {get: {work: 4ms, calls: [ratings.get]}}}
  ratings: {workers: 100, operations: {get: {work: 1ms}}}
edges:
  productpage -> reviews: {latency: 1ms}
  reviews -> ratings: {latency: 1ms}
workload: {rate: 100/s, mix: {productpage.get: 1}}
"""
WEIGHTED = (
    BOOKINFO.replace("v1: {", "v1: {weight: 90, ")
    .replace("v2: {}", "v2: {weight: 10}")
    .replace("v3: {", "v3: {weight: 0, ")
)
RETRIES = "{latency: 1ms, retry: {max_attempts: 4, base: 1ms}}"


def versions(text, seed=1, requests=6000, faults=()):
    """Return the rows of a run at the services, by name, and the version that handled each row at reviews."""
    mesh = Mesh(topology_of(text), seed, end=requests / 100)
    for fault, window in faults:
        mesh.env.process(_unfold(mesh, fault, window))
    mesh.env.advance(mesh.end)
    drain(mesh)
    rows = take_rows(mesh)
    names = np.array([mesh.sites[site].service.spec.name for site in rows["site"]])
    at = {name: rows[names == name] for name in set(names)}
    return at, [mesh.incarnations[each][1] if each >= 0 else None for each in at["reviews"]["replica"]]


def _unfold(mesh, fault, window):
    yield mesh.timeout(window.start)
    yield from fault.run(mesh, window)


def within(count, of, share):
    """Return whether a count of draws with some probability is within four standard deviations."""
    return abs(count - of * share) <= 4 * math.sqrt(of * share * (1 - share))


def test_each_version_gets_the_share_of_its_replicas_and_does_its_own_work_and_calls():
    at, running = versions(BOOKINFO)
    count, total = Counter(running), len(running)
    assert all(within(count[version], total, 1 / 3) for version in ("v1", "v2", "v3"))
    assert len(at["ratings"]) == count["v2"] + count["v3"]
    took = {version: set() for version in count}
    for row, version in zip(at["reviews"], running, strict=True):
        took[version].add(round((row["finished"] - row["arrived"]) * 1000, 6))
    assert took == {"v1": {1}, "v2": {2 + 1 + 1 + 1}, "v3": {4 + 1 + 1 + 1}}


def test_replicas_are_the_share_where_versions_have_no_weights():
    _, running = versions(BOOKINFO.replace("v2: {}", "v2: {replicas: 8}"))
    assert within(Counter(running)["v2"], len(running), 0.8)


def test_weights_are_the_share_whatever_the_replicas():
    at, running = versions(WEIGHTED.replace("v2: {weight: 10}", "v2: {weight: 10, replicas: 7}"))
    count, total = Counter(running), len(running)
    assert within(count["v2"], total, 0.1) and count["v3"] == 0
    assert len(at["ratings"]) == count["v2"]


def test_versions_may_differ_in_how_often_they_fail():
    text = BOOKINFO.replace("v2: {}", "v2: {operations: {get: {work: 2ms, error_rate: 50%}}}")
    at, running = versions(text)
    bad = Counter(version for version, row in zip(running, at["reviews"], strict=True) if row["outcome"])
    assert set(bad) == {"v2"} and within(bad["v2"], Counter(running)["v2"], 0.5)


def test_users_who_come_to_a_service_with_versions_meet_all_of_them():
    text = BOOKINFO.replace("productpage.get: 1", "reviews.get: 1")
    at, running = versions(text)
    assert all(within(Counter(running)[version], len(running), 1 / 3) for version in ("v1", "v2", "v3"))
    assert (at["reviews"]["outcome"] == SUCCESS).all() and "productpage" not in at


def test_with_weights_a_version_that_is_down_fails_its_share_though_calls_are_tried_again():
    text = WEIGHTED.replace("productpage -> reviews: {latency: 1ms}", f"productpage -> reviews: {RETRIES}")
    stop = (Stop(id="stop", target=Target("replica", "reviews", 1)), Window(0, 0, 120))
    at, _ = versions(text, faults=[stop])
    users = at["productpage"]
    assert within((users["outcome"] != SUCCESS).sum(), len(users), 0.1)
    assert set(at["reviews"]["result"][at["reviews"]["outcome"] != SUCCESS]) <= {
        CODES["connection_refused"],
        CODES["no_ready_replica"],
    }


def test_without_weights_another_attempt_may_meet_another_version():
    text = BOOKINFO.replace("productpage -> reviews: {latency: 1ms}", f"productpage -> reviews: {RETRIES}")
    stop = (Stop(id="stop", target=Target("replica", "reviews", 1)), Window(0, 0, 120))
    at, _ = versions(text, faults=[stop])
    assert (at["productpage"]["outcome"] != SUCCESS).sum() < 0.01 * len(at["productpage"])


@pytest.mark.parametrize("text", [BOOKINFO, WEIGHTED])
def test_what_is_estimated_of_a_mesh_with_versions_is_what_is_measured(text):
    topology = topology_of(text)
    rate = call_rates(topology)["reviews", "ratings"]
    at, _ = versions(text, requests=20_000)
    assert len(at["ratings"]) / 200 == pytest.approx(rate, rel=0.05)
    reviews = at["reviews"]
    busy = (reviews["finished"] - reviews["started"]).sum() / 200
    assert busy == pytest.approx(offered_load(topology)["reviews"].workers * 3 * 100, rel=0.1)


def test_a_request_keeps_its_luck_whichever_version_it_meets():
    luck = BOOKINFO.replace(
        "ratings: {workers: 100, operations: {get: {work: 1ms}}}",
        "ratings: {workers: 100, operations: {get: {work: {exponential: 5ms}}}}",
    )

    def times(weights):
        text = luck
        for version, weight in zip(("v1: {", "v2: {", "v3: {"), weights, strict=True):
            text = text.replace(version, f"{version}weight: {weight}, ").replace(", }", "}")
        rows = versions(text, requests=500)[0]["ratings"]
        return {row["number"]: round(row["finished"] - row["started"], 9) for row in rows}

    assert times((0, 1, 0)) == times((0, 0, 1)) and len(times((0, 1, 0))) > 400


def test_spans_and_log_lines_name_the_version_and_a_replica_of_it():
    run = Simulation(Scenario(name="calm", duration=5.0, lead_in=0.0, recovery=0.0, seed=1), topology_of(BOOKINFO))
    seen = {
        (record["replica"], record["version"])
        for batch in run.batches()
        for record in batch.records("traces")
        if record["service"] == "reviews" and record["kind"] == "server"
    }
    assert seen == {("reviews-0", "v1"), ("reviews-1", "v2"), ("reviews-2", "v3")}


def test_what_was_taken_comes_back_in_a_mesh_with_versions():
    mesh = Mesh(topology_of(BOOKINFO), 1, end=5)
    mesh.env.advance(5)
    drain(mesh)
    for service in mesh.services.values():
        assert service.ready == [each for each in service.replicas if each.ready]
    assert all(replica.free == replica.service.spec.workers for replica in mesh.replicas)


MISTAKES = {
    "v2: {}": [("v2: {weight: 3}", "gives a weight to only some versions: give one to each, or to none")],
    "v1: {": [
        ("v1: {replicas: 0, ", "must be at least 1, not 0"),
        ("v1: {wieght: 1, ", "unknown key 'wieght' (did you mean 'weight'?)"),
    ],
    "v3: {operations: {get:": [
        (
            "v3: {operations: {got:",
            "reviews has no operation 'got' (did you mean 'get'?), so its versions cannot change it",
        )
    ],
}


@pytest.mark.parametrize(("old", "new", "message"), [(old, *each) for old, news in MISTAKES.items() for each in news])
def test_what_is_wrong_with_versions_is_said_where_it_stands(old, new, message):
    with pytest.raises(DocumentError) as refused:
        parse(BOOKINFO.replace(old, new), "mesh.yaml")
    (problem,) = refused.value.problems
    assert problem.message == message and problem.path.startswith("services.reviews.versions")
