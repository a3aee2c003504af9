"""A run and its twins are identical until the fault begins, and the comparison changes nothing in the run."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from twin_runs import BEGIN, FAULTS, HARMFUL, OPTIONS, compare, frames, incident, simulation

from meshquake.exporters.formats.ndjson import encode
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import DEFAULT_START
from meshquake.truth.twins import Twins

#: The seed's additions to a scenario depend on its faults; here there are none.
PLAIN = replace(OPTIONS, confounders="none")


def lines(records):
    """Return the lines of the files, by kind."""
    return {kind: encode(RECORD_KINDS[kind], frame) for kind, frame in records.items()}


def until(records, seconds):
    """Return everything that was over by a moment: ended spans, samples taken, and all other records."""
    moment = DEFAULT_START + timedelta(seconds=seconds)
    stamp = moment.isoformat(timespec="microseconds")
    began = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%z")
    ended = began + pl.duration(microseconds=(pl.col("duration_ms") * 1000).round().cast(pl.Int64))
    over = dict.fromkeys(RECORD_KINDS, pl.col("timestamp") < stamp)
    over |= {"metrics": pl.col("timestamp") <= stamp, "traces": ended < moment}
    return {kind: frame.filter(over[kind]) for kind, frame in records.items()}


def test_every_kind_of_fault_is_looked_at():
    assert sorted(FAULTS) == list(fault_kinds())


@pytest.mark.parametrize("kind", FAULTS)
def test_fact_and_twin_agree_in_every_record_until_the_fault_begins_and_not_for_ever(kind):
    fact, twin = incident(kind).frames, incident(kind).without(f"{kind}-1")
    before = lines(until(fact, BEGIN))
    assert before == lines(until(twin, BEGIN))
    assert all(before.values())
    # Open connections survive where no new one can be made, and here nobody needs a new one.
    assert (lines(fact) == lines(twin)) == (kind == "handshake")


def test_two_faults_are_compared_with_three_runs_which_agree_until_the_first_begins():
    slow = "slow: {target: database, factor: 30, at: 2s, for: 10s}"
    run = simulation(slow, "stop: {target: auth-service, at: 7s, for: 5s}")
    fact = frames(run.batches())
    for left_out, agree in ((["slow-1"], 10), (["stop-1"], 15), (["slow-1", "stop-1"], 10)):
        other = frames(run.without(left_out).batches())
        assert lines(until(fact, agree)) == lines(until(other, agree))
        assert lines(until(fact, agree + 5)) != lines(until(other, agree + 5))


def test_a_run_without_faults_is_its_own_twin_to_the_byte_and_no_verdict_says_otherwise():
    alone = compare(simulation(options=PLAIN))
    assert alone.twins.twin is alone.twins.fact
    assert lines(alone.frames) == lines(frames(simulation(FAULTS["slow"], options=PLAIN).without(["slow-1"]).batches()))
    verdicts = alone.verdicts
    assert len(verdicts) > 800
    assert verdicts["effect"].is_null().all() and verdicts["entered_at"].is_null().all()
    assert verdicts["caused_by"].list.len().sum() == 0
    assert verdicts["outcome"].equals(verdicts["twin_outcome"])
    assert verdicts["duration_ms"].equals(verdicts["twin_duration_ms"])
    assert not alone.key["incident"] and alone.key["faults"] == []


@pytest.mark.parametrize("kind", HARMFUL)
def test_each_request_is_counted_once(kind):
    """Every request is either good in both runs, harmed, spared, or bad in both."""
    run = incident(kind)
    counts, objective = run.key["requests"], run.key["objective"]
    bad, twin_bad = (
        (pl.col(f"{prefix}outcome") != "success") | (pl.col(f"{prefix}duration_ms") > objective["within_ms"])
        for prefix in ("", "twin_")
    )
    found = run.verdicts.select(bad=bad, twin_bad=twin_bad.fill_null(False))
    good = len(found.filter(~pl.col("bad"), ~pl.col("twin_bad")))
    assert counts == {
        "total": len(found),
        "harmed": len(found.filter(pl.col("bad"), ~pl.col("twin_bad"))),
        "spared": len(found.filter(~pl.col("bad"), pl.col("twin_bad"))),
        "background": len(found.filter(pl.col("bad"), pl.col("twin_bad"))),
    }
    assert counts["total"] == good + counts["harmed"] + counts["spared"] + counts["background"]
    effects = dict(run.verdicts["effect"].value_counts().iter_rows())
    assert counts["harmed"] == effects.get("failed", 0) + effects.get("slowed", 0) > 10
    assert counts["spared"] == effects.get("spared", 0)


@pytest.mark.parametrize("kind", ["slow", "surge"])
def test_being_compared_changes_no_byte_of_the_telemetry(kind):
    run = incident(kind)
    assert lines(run.frames) == lines(frames(simulation(FAULTS[kind]).batches()))


@pytest.mark.parametrize("settings", [{"batch": 1500}, {"batch": 10**9}, {"interval": 7.0}])
def test_neither_the_size_of_batches_nor_the_interval_of_metrics_changes_the_key(settings):
    other = compare(simulation(FAULTS["slow"], **settings))
    assert content(other) == content(incident("slow"))


def content(run):
    """Return a key as its files contain it."""
    return run.verdicts.write_ndjson(), json.dumps(run.key), run.brief


def digest(run):
    """Return a digest of a key."""
    return hashlib.sha256(repr(content(run)).encode()).hexdigest()


def test_the_key_does_not_depend_on_the_hash_seed():
    environment = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = f"import runpy; run = runpy.run_path({__file__!r}); print(run['digest'](run['incident']('deploy')))"
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
    assert printed.decode().strip() == digest(incident("deploy"))


def test_verdicts_come_in_order_of_arrival_each_request_once():
    verdicts = incident("surge").verdicts
    assert verdicts["timestamp"].is_sorted()
    assert verdicts["trace_id"].is_unique().all()


def test_every_run_is_played_to_its_end_and_nothing_is_kept_of_what_was_compared():
    seen = []
    twins = Twins(simulation(FAULTS["slow"], batch=2000), seen.append)
    for _ in twins.batches():
        assert max(watch.held for watch in (twins.fact, twins.twin)) < 12_000
    assert twins.fact.horizon == twins.twin.horizon == float("inf")
    assert not twins.fact.held and not twins.twin.held
    assert len(seen) > 5
