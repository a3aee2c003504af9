"""A verdict on a request agrees with the telemetry and blames the responsible faults."""

from datetime import timedelta

import polars as pl
import pytest
from twin_runs import BEGIN, FAULTS, HARMFUL, compare, incident, simulation

from meshquake.sim.simulation import DEFAULT_START
from meshquake.topology.errors import ERRORS

#: Users ask a gateway for two things, each served by one service.
FORK = """
name: fork
services:
  gateway: {operations: {left: {work: 1ms, calls: [one.get]}, right: {work: 1ms, calls: [two.get]}}, workers: 50}
  one: {operations: {get: {work: 5ms}}, workers: 50}
  two: {operations: {get: {work: 5ms}}, workers: 50}
workload: {rate: 40/s, mix: {gateway.left: 1, gateway.right: 1}}
"""


def failures(records):
    """Return the trace ids of failed requests, from the root spans of the traces."""
    roots = records["traces"].filter(pl.col("parent_span_id").is_null())
    return set(roots.filter(status="error")["trace_id"])


def blamed(run):
    """Return how many requests have which effect because of which faults."""
    counted = run.changed.group_by("effect", "caused_by").len()
    return {(effect, *causes): count for effect, causes, count in counted.iter_rows()}


# -- the telemetry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAULTS)
def test_outcome_and_duration_are_those_of_the_root_span(kind):
    run = incident(kind)
    roots = run.frames["traces"].filter(pl.col("parent_span_id").is_null())
    shown = roots.select(
        "trace_id",
        "timestamp",
        entry="operation",
        outcome=pl.col("error_type").fill_null("success"),
        duration_ms="duration_ms",
    )
    said = run.verdicts.select(shown.columns)
    assert said.sort("trace_id").equals(shown.sort("trace_id"))


@pytest.mark.parametrize("kind", ["slow", "stop", "surge"])
def test_twin_outcome_and_duration_are_those_of_the_root_span_in_the_run_without_the_fault(kind):
    run = incident(kind)
    roots = run.without(f"{kind}-1")["traces"].filter(pl.col("parent_span_id").is_null())
    shown = roots.select(
        "trace_id", twin_outcome=pl.col("error_type").fill_null("success"), twin_duration_ms="duration_ms"
    )
    said = run.verdicts.select(shown.columns).drop_nulls()
    assert said.sort("trace_id").equals(shown.sort("trace_id"))


@pytest.mark.parametrize("kind", HARMFUL)
def test_the_effect_entered_a_request_at_a_span_of_its_trace(kind):
    run = incident(kind)
    spans = run.spans
    for trace, entered in run.changed.select("trace_id", "entered_at").iter_rows():
        assert spans[entered]["trace_id"] == trace
    assert run.verdicts.filter(pl.col("effect").is_null())["entered_at"].is_null().all()


@pytest.mark.parametrize("kind", HARMFUL)
def test_failed_slowed_and_spared_are_told_apart_by_the_promise_to_users(kind):
    run = incident(kind)
    within = run.key["objective"]["within_ms"]
    for outcome, duration, other, other_duration, effect in run.changed.select(
        "outcome", "duration_ms", "twin_outcome", "twin_duration_ms", "effect"
    ).iter_rows():
        good, was_good = outcome == "success" and duration <= within, other is None or other == "success"
        if effect == "spared":
            assert good and (not was_good or other_duration > within)
        else:
            assert was_good and (other_duration is None or other_duration <= within)
            assert outcome in ERRORS if effect == "failed" else outcome == "success" and duration > within


# -- the causes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HARMFUL)
def test_every_request_that_went_otherwise_has_a_cause_and_no_other_has(kind):
    verdicts = incident(kind).verdicts
    assert verdicts["effect"].is_not_null().equals(verdicts["caused_by"].list.len() > 0)


@pytest.mark.parametrize("kind", HARMFUL)
def test_nothing_that_was_over_before_the_first_fault_began_is_laid_at_its_door(kind):
    changed = incident(kind).changed
    ended = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z") + pl.duration(
        microseconds=(pl.col("duration_ms") * 1000).round().cast(pl.Int64)
    )
    assert changed.select(ended.min()).item() >= DEFAULT_START + timedelta(seconds=BEGIN)


@pytest.mark.parametrize("kind", HARMFUL)
def test_a_fault_that_is_alone_explains_the_failures_that_the_run_without_it_does_not_have(kind):
    """All but a twentieth; and the verdicts name exactly the failures by which two sets of trace files differ."""
    run = incident(kind)
    fact, without = failures(run.frames), failures(run.without(f"{kind}-1"))
    gone, extra = fact - without, len(fact) - len(without)
    named = run.verdicts.filter(pl.col("caused_by").list.contains(f"{kind}-1"), effect="failed")
    explained = set(named["trace_id"])
    assert extra > 10
    assert explained == gone
    assert len(explained) >= 0.95 * extra


@pytest.mark.parametrize("seed", [1, 2])
def test_so_it_is_with_other_seeds(seed):
    run = compare(simulation(FAULTS["slow"], seed=seed))
    fact, without = failures(run.frames), failures(run.without("slow-1"))
    explained = run.verdicts.filter(pl.col("caused_by").list.len() > 0, effect="failed")
    assert len(fact) - len(without) > 50
    assert len(explained) >= 0.95 * (len(fact) - len(without))


def test_each_request_has_the_fault_that_harmed_it_as_its_cause():
    run = compare(simulation("fail: {target: one, share: 40%}", "refuse: {target: two}", mesh=FORK))
    causes = dict(run.changed.select("entry", "caused_by").unique().iter_rows())
    assert causes == {"gateway.left": ["fail-1"], "gateway.right": ["refuse-1"]}
    outcomes = dict(run.changed.select("entry", "outcome").unique().iter_rows())
    assert outcomes == {"gateway.left": "dependency_failed", "gateway.right": "dependency_failed"}


def test_of_two_faults_of_which_either_is_enough_each_is_a_cause():
    """Leaving out either one changes nothing, down to the moment of the answer."""
    run = compare(simulation("fail: {target: one, share: 100%}", "fail: {target: one, share: 100%}", mesh=FORK))
    assert list(blamed(run)) == [("failed", "fail-1", "fail-2")]
    assert run.key["incident"]
    assert [fault["latent"] for fault in run.key["faults"]] == [False, False]


def test_of_two_faults_that_are_each_enough_one_after_the_other_only_the_one_that_acts_is_a_cause():
    first = "fail: {target: one, share: 100%, for: 5s}"
    second = "fail: {target: one, share: 100%, at: 5s}"
    run = compare(simulation(first, second, mesh=FORK))
    assert set(blamed(run)) == {("failed", "fail-1"), ("failed", "fail-2")}
    early = run.changed.filter(pl.col("timestamp") < run.key["faults"][1]["start"])
    assert set(early["caused_by"].list.join(",")) == {"fail-1"}


def test_of_two_faults_that_only_harm_together_each_is_a_cause():
    """Half a second more on each of two calls breaks a promise of a second; half a second more on one doesn't."""
    chain = FORK.replace("calls: [one.get]", "calls: [one.get, two.get]")
    delays = (f"delay: {{target: gateway -> {callee}, by: 300ms}}" for callee in ("one", "two"))
    run = compare(simulation(*delays, mesh=chain))
    assert list(blamed(run)) == [("slowed", "delay-1", "delay-2")]
    assert set(run.changed["entry"]) == {"gateway.left"}


def test_who_only_came_because_of_a_surge_has_no_counterpart_and_the_surge_is_why_they_failed():
    run = incident("surge")
    further = run.verdicts.filter(pl.col("twin_outcome").is_null())
    assert len(further) == len(run.verdicts) - len(incident("slow").verdicts) > 500
    assert further["twin_duration_ms"].is_null().all()
    assert set(further["entry"]) == {"api-gateway.checkout"}
    harmed = further.filter(pl.col("effect").is_not_null())
    assert len(harmed) > 100
    assert harmed["caused_by"].list.join(",").unique().to_list() == ["surge-1"]
    roots = run.frames["traces"].filter(pl.col("parent_span_id").is_null())
    found = harmed.join(roots, left_on="entered_at", right_on="span_id")
    assert len(found) == len(harmed)


def test_who_only_came_because_of_a_surge_and_met_another_fault_was_harmed_by_that_one_alone():
    """The surge is no root either: the regular users are no worse off for it."""
    run = compare(simulation("surge: {target: users, factor: 3}", "fail: {target: one, share: 100%}", mesh=FORK))
    further = pl.col("twin_outcome").is_null()
    found = {(new, *causes) for new, causes in run.changed.select(further, "caused_by").unique().iter_rows()}
    assert found == {(True, "fail-1"), (False, "fail-1")}
    assert {fault["id"]: fault["latent"] for fault in run.key["faults"]} == {"surge-1": True, "fail-1": False}
    assert run.key["faults"][0]["blast_radius"]["requests"] == 0


def test_a_surge_that_only_harms_with_another_fault_and_that_one_are_each_a_cause():
    """At half speed a service bears the usual users, and at full speed it bears more of them, but not both."""
    tight = FORK.replace(
        "one: {operations: {get: {work: 5ms}}, workers: 50}",
        "one: {operations: {get: {work: 20ms}}, workers: 1, cpu: 1}",
    )
    run = compare(simulation("surge: {target: users, factor: 2}", "slow: {target: one, factor: 2}", mesh=tight))
    causes = dict(blamed(run))
    assert max(causes, key=causes.get)[1:] == ("surge-1", "slow-1")
    assert [fault["latent"] for fault in run.key["faults"]] == [False, False]
    both = [fault["interactions"] for fault in run.key["faults"]]
    assert both[0][0]["with"] == "slow-1" and both[1][0]["with"] == "surge-1"
    assert both[0][0]["needed_both"] == both[1][0]["needed_both"] > 100


def test_a_fault_that_relieves_others_is_why_some_are_spared():
    """While the gateway's left half is refused, the right half has the service's one worker to itself."""
    shared = FORK.replace("calls: [two.get]", "calls: [one.list]").replace(
        "one: {operations: {get: {work: 5ms}}, workers: 50}",
        "one: {operations: {get: {work: 60ms}, list: {work: 1ms}}, workers: 1, queue: 5}",
    )
    run = compare(simulation("refuse: {target: one.get}", mesh=shared))
    spared = run.verdicts.filter(effect="spared")
    assert set(spared["entry"]) == {"gateway.right"}
    assert run.key["requests"]["spared"] == len(spared) > 20
    assert spared["caused_by"].list.join(",").unique().to_list() == ["refuse-1"]


def test_what_fails_with_and_without_faults_is_background_and_has_no_cause():
    """A service with half the necessary capacity fails requests in both runs."""
    weak = FORK.replace(
        "two: {operations: {get: {work: 5ms}}, workers: 50}",
        "two: {operations: {get: {work: 100ms}}, workers: 1, queue: 0}",
    )
    run = compare(simulation("fail: {target: one, share: 50%}", mesh=weak))
    right = run.verdicts.filter(entry="gateway.right")
    assert right["effect"].is_null().all() and right["caused_by"].list.len().sum() == 0
    assert run.key["requests"]["background"] == len(right.filter(pl.col("outcome") != "success")) > 100
