"""A slow database takes half the mesh with it: it starts deep in the graph, and shows upstream."""

from itertools import pairwise

import networkx as nx
import polars as pl
import pytest
from measures import failed, harmed, level, onsets, p95
from recording import play

from meshquake.topology.graph import depths, service_graph

SCENARIO = "cascade"
EVEN = True
ROOT = "database"
RAMP, DURATION = 18, 90  # seconds until the slowdown is complete, and until it ends


def test_the_root_lies_deepest_in_the_graph_and_shows_first(run):
    deep = depths(run.topology)
    assert deep[ROOT] == max(deep.values())
    assert next(iter(onsets(run))) == ROOT


def test_onsets_come_in_order_of_distance_to_the_root(run):
    # A failure travels from a callee to its callers.
    upstream = service_graph(run.topology).reverse(copy=False)
    distance = nx.single_source_shortest_path_length(upstream, ROOT)
    first = {}
    for service, onset in onsets(run).items():
        if service in distance:
            first.setdefault(distance[service], onset)
    assert len(first) == 1 + max(distance.values())
    assert sorted(first, key=first.__getitem__) == sorted(first)


def test_the_database_fails_nothing_and_at_least_three_others_pass_five_percent_errors(run):
    errors = {service.name: failed(run.incident(run.handled(service.name))) for service in run.topology.services}
    assert errors[ROOT] == 0
    assert sum(share > 0.05 for share in errors.values()) >= 3


def test_every_breaker_goes_round_its_states(run):
    moves = run.events.filter(pl.col("type").str.starts_with("circuit_breaker_")).with_columns(
        state=pl.col("type").str.strip_prefix("circuit_breaker_"),
        target=pl.col("attributes").str.json_path_match("$.target"),
    )
    follows = {"closed": {"open"}, "open": {"half_open"}, "half_open": {"closed", "open"}}
    assert set(moves["state"]) == {"closed", "half_open", "open"}
    for _, states in moves.group_by("replica", "target", maintain_order=True):
        path = ["closed", *states["state"]]
        assert all(after in follows[before] for before, after in pairwise(path))


def test_breakers_are_closed_again_at_the_end(run):
    last = run.metrics.filter(pl.col("at") == pl.col("at").max(), metric="circuit_breaker_state")
    assert len(last) and (last["value"] == 0).all()


@pytest.mark.parametrize("service", ["order-service", "inventory-service"])
def test_workers_fill_upstream_while_their_cpu_does_not(run, seed, service):
    """Compared with the same users' requests, at the same time, without a fault.

    Background load holds a quarter of the workers and a third of the cores; requests hold hardly any.
    """
    healthy = play(SCENARIO, seed, even=True, without="faults")

    def change(metric):
        here, there = (level(each.within(each.metric(service, metric), RAMP, DURATION)) for each in (run, healthy))
        return here - there

    assert change("worker_utilization") > 15
    assert change("cpu_usage") < 0.5


def test_without_breakers_it_ends_visibly_worse(run, seed):
    """Without them callers keep calling, and workers wait until the deadline for answers that won't come."""
    bare = play(SCENARIO, seed, even=True, without="breakers")
    with_, without = run.incident(run.roots), bare.incident(bare.roots)
    assert failed(without) > 1.2 * failed(with_)
    assert without["duration_ms"].mean() > 1.7 * with_["duration_ms"].mean()


def test_without_retries_it_ends_visibly_better_since_they_load_a_database_that_cannot_keep_up(run, seed):
    bare = play(SCENARIO, seed, even=True, without="retries")
    assert failed(bare.incident(bare.roots)) < 0.85 * failed(run.incident(run.roots))
    # The same users make the same requests (their draws are fixed), so every further attempt is a retry, here or
    # upstream.
    assert len(bare.incident(bare.asked(ROOT))) < 0.95 * len(run.incident(run.asked(ROOT)))
    assert p95(bare.incident(bare.handled(ROOT))) < 0.7 * p95(run.incident(run.handled(ROOT)))


def test_users_are_harmed_and_then_it_is_over(seed):
    run = play(SCENARIO, seed)
    assert failed(run.incident(run.roots)) > 0.1
    assert failed(run.within(run.roots, DURATION + 30, run.scenario.length)) < 0.01


def test_severity_is_monotone(seed):
    shares = [harmed(SCENARIO, seed, severity) for severity in (0.25, 0.5, 1.0)]
    assert shares == sorted(set(shares))
