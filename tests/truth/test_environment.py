"""Background activity is never blamed: harm and its causes are the same as in a calm mesh."""

import polars as pl
import pytest
from twin_runs import compare, simulation

from meshquake.faults.loader import Options

MESH = """
name: shop
defaults: {edge: {latency: 1ms}}
services:
  web: {kind: gateway, operations: {home: {work: 2ms, calls: [cart.get, db.read]}}}
  cart: {operations: {get: {work: 3ms, calls: db.read}}}
  db: {kind: database, operations: {read: {work: 4ms}}}
edges: {cart -> db: {timeout: 200ms}}
workload: {rate: 40/s, mix: {web.home: 1}, objective: {within: 500ms}}
environment: {users: {cv: 40%, over: 30s}, errors: 0.5%, slow_mode: {share: 2%, varies: {cv: 60%, over: 1m}}}
"""
BEGIN = 20
FAULT = "slow: {target: db, factor: 80, for: 80%}"


def run(*faults, calm=False):
    options = Options(lead_in=BEGIN, duration=20.0, recovery=10.0, confounders="none", calm=calm)
    return compare(simulation(*faults, mesh=MESH, options=options, seed=3))


@pytest.fixture(scope="module")
def lively():
    return run(FAULT)


def test_records_are_those_of_the_twin_until_the_fault_begins(lively):
    twin = lively.without("slow-1")
    for kind, fact in lively.frames.items():
        before = pl.col("timestamp") < f"2024-01-15T10:30:{BEGIN - 2}"
        assert fact.filter(before).equals(twin[kind].filter(before)), kind
    assert lively.frames["logs"]["message"].str.contains("(?i)error|fail|reset").any()


def test_who_fails_by_itself_is_background_and_the_fault_is_blamed_for_the_others(lively):
    requests = lively.key["requests"]
    assert requests["background"] > 3
    (fault,) = lively.key["faults"]
    assert fault["root_cause"]["service"] == "db"
    assert fault["blast_radius"]["requests"] == requests["harmed"] > 100
    assert {step["from"] for step in fault["mechanism"]} <= {"db", "cart", "web"}
    assert {step["mechanism"] for step in fault["mechanism"] if step["from"] == "db"} <= {
        "slow work",
        "queueing",
        "timeout",
        "slow answer",
    }


def test_nobody_is_harmed_without_a_fault_and_with_one_it_is_found_as_in_a_calm_mesh(lively):
    still, calm = run().key, run(FAULT, calm=True).key
    assert (still["incident"], still["requests"]["harmed"], calm["requests"]["background"]) == (False, 0, 0)
    told = [
        (fault["root_cause"], [each["service"] for each in fault["affected"]], fault["difficulty"]["label"])
        for key in (calm, lively.key)
        for fault in key["faults"]
    ]
    assert told[0] == told[1]
