"""Estimates for a healthy mesh: visits, response times, load."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from random_meshes import meshes

from meshquake.topology.distributions import Constant, Exponential, Pareto
from meshquake.topology.estimates import Load, call_rates, expected_visits, offered_load, response_times, round_trip
from meshquake.topology.graph import calls_of, name_of
from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.spec import Edge, Operation, Service

SMALL = """
name: small
defaults: {edge: {latency: 1ms}}
services:
  web:
    replicas: 2
    workers: 8
    cpu: 4
    operations:
      home:
        work: 10ms
        calls: [[cart.get, stock.get], cache.get: {hit_rate: 75%, on_miss: [db.read, cache.set]}]
  cart: {operations: {get: {work: 20ms}}}
  stock: {operations: {get: {work: 30ms}}}
  cache: {operations: {get: {work: 2ms}, set: {work: 4ms}}}
  db: {workers: 1, operations: {read: {work: 50ms}}}
workload: {rate: 40/s, mix: {web.home: 3, db.read: 1}}
"""


@pytest.fixture(scope="module")
def small():
    return parse(SMALL, "small.yaml").topology


def test_visits_follow_probabilities_weights_and_hit_rates(small):
    assert expected_visits(small) == pytest.approx(
        {
            "web.home": 0.75,
            "cart.get": 0.75,
            "stock.get": 0.75,
            "cache.get": 0.75,
            "cache.set": 0.75 * 0.25,
            "db.read": 0.25 + 0.75 * 0.25,
        }
    )


@settings(max_examples=50)
@given(meshes())
def test_visits_add_up_over_the_call_trees(mesh):
    visits = dict.fromkeys((f"{s.name}.{o.name}" for s in mesh.services for o in s.operations), 0.0)

    def walk(node, times):
        visits[name_of(node)] += times
        for call, chance in calls_of(mesh.operation(node.service, node.operation)):
            walk(call, times * chance)

    total = sum(entry.weight for entry in mesh.workload.mix)
    for entry in mesh.workload.mix:
        walk(entry, entry.weight / total)
    assert expected_visits(mesh) == pytest.approx(visits)


@settings(max_examples=50)
@given(meshes())
def test_calls_on_edges_and_from_users_are_all_the_calls_that_services_get(mesh):
    got = {name: load.rate for name, load in offered_load(mesh).items()}
    sent = dict.fromkeys(got, 0.0)
    total = sum(entry.weight for entry in mesh.workload.mix)
    for entry in mesh.workload.mix:
        sent[entry.service] += mesh.workload.rate * entry.weight / total
    for (_, callee), calls in call_rates(mesh).items():
        sent[callee] += calls
    assert got == pytest.approx(sent)


def test_a_response_takes_its_work_the_longest_of_a_group_and_what_follows_a_miss(small):
    hit = 0.010 + (0.030 + 0.002) + (0.002 + 0.002)
    miss = hit + (0.050 + 0.002) + (0.004 + 0.002)
    times = response_times(small)["web.home"]
    assert sorted(times) == pytest.approx([hit] * 750 + [miss] * 250)


def test_round_trip_adds_the_network_both_ways():
    edge = Edge("a", "b", latency=Constant(0.004))
    assert round_trip(edge, np.full(1000, 0.1)) == pytest.approx(np.full(1000, 0.108))


def test_load_is_work_per_core_and_by_littles_law_responses_per_worker(small):
    loads = offered_load(small)
    response = 0.010 + 0.032 + 0.004 + 0.25 * (0.052 + 0.006)
    assert loads["web"] == Load(
        rate=pytest.approx(30),
        cores=pytest.approx(30 * 0.010 / (2 * 4)),
        workers=pytest.approx(30 * response / (2 * 8)),
    )
    assert loads["db"].offered == pytest.approx(17.5 * 0.050)


def test_sampled_means_are_good_to_a_percent_and_tails_to_ten():
    mesh = parse(
        """
        name: line
        defaults: {edge: {latency: {exponential: 2ms}}}
        services:
          a: {operations: {go: {work: {exponential: 10ms}, calls: [b.go]}}}
          b: {operations: {go: {work: {exponential: 10ms}, calls: [c.go]}}}
          c: {operations: {go: {work: {exponential: 10ms}}}}
        workload: {mix: {a.go: 1}}
        """,
        "line.yaml",
    ).topology
    times = response_times(mesh)["a.go"]
    assert times.mean() == pytest.approx(0.038, rel=0.01)
    # The sum of Erlang(3, 10 ms) and Erlang(4, 2 ms), from four million draws of numpy's own.
    assert np.quantile(times, 0.99) == pytest.approx(0.0926, rel=0.1)


def test_a_service_that_nobody_calls_changes_no_estimate(small):
    lonely = Service("lonely", operations=(Operation("go", Exponential(1.0)),))
    more = replace(small, services=(lonely, *small.services))
    before, after = response_times(small), response_times(more)
    assert all((before[name] == after[name]).all() for name in before)
    assert {name: load for name, load in offered_load(more).items() if name != "lonely"} == offered_load(small)


def test_work_counts_with_its_exact_mean_however_heavy_the_tail(small):
    heavy = Pareto(minimum=0.001, alpha=1.1, maximum=60.0)
    services = [replace(s, operations=(Operation("read", heavy),)) if s.name == "db" else s for s in small.services]
    loads = offered_load(replace(small, services=tuple(services)))
    assert loads["db"].cores == pytest.approx(17.5 * heavy.expectation())


def test_the_shipped_meshes_have_plenty_of_headroom():
    for path in shipped().values():
        for name, load_ in offered_load(load(path).topology).items():
            assert 0 < load_.offered < 0.5, name


def test_a_slow_call_is_hedged():
    """10 ms for 80% and 90 ms for the rest; the same again, 20 ms after the first was sent."""
    mesh = parse(
        """
        name: hedged
        defaults: {edge: {latency: 0s}}
        services:
          app: {operations: {go: {calls: db.get}}}
          db: {operations: {get: {work: {mixture: [{weight: 80%, constant: 10ms}, {weight: 20%, constant: 90ms}]}}}}
        edges: {app -> db: {hedge: 20ms}}
        workload: {mix: {app.go: 1}}
        """,
        "mesh.yaml",
    ).topology
    times = response_times(mesh)["app.go"]
    assert times.mean() == pytest.approx(0.8 * 0.010 + 0.2 * (0.8 * 0.030 + 0.2 * 0.090), rel=0.03)
    assert np.mean(times > 0.031) == pytest.approx(0.04, abs=0.01)
