"""Records that depart: whatever is called a departure differs in the run without the fault."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from twin_runs import incident

from meshquake.truth.way.departed import COLUMNS, Departed

KINDS = ("slow", "refuse", "deploy", "fail", "surge", "stop")


def judged(run, pieces=1):
    """Return, by kind, the records of a run with their judgements, read in a given number of pieces."""
    harmed = run.verdicts.filter(pl.col("effect").is_in(["failed", "slowed"]))
    departed, found = Departed(run.key, harmed), {}
    for kind in ("traces", "logs", "events", "metrics"):
        records = run.frames[kind]
        size = max(1, -(-len(records) // pieces))
        told = pl.concat([departed.judge(kind, piece.select(COLUMNS[kind])) for piece in records.iter_slices(size)])
        found[kind] = records.with_columns(told.select("key", "other", departs="because_0"))
    return found


def departing(run, kind):
    return judged(run)[kind].filter("departs")


def twin(run, kind):
    """Return the records of the same run without its fault."""
    return run.without(run.key["faults"][0]["id"])[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_departs_before_the_fault(kind):
    run = incident(kind)
    begin = datetime.fromisoformat(run.key["faults"][0]["start"])
    for records in judged(run).values():
        for row in records.filter("departs").iter_rows(named=True):
            taken = timedelta(milliseconds=row.get("duration_ms", 0))
            assert datetime.fromisoformat(row["timestamp"]) + taken >= begin


def improved(kind):
    """Return the spans that depart, each with whether it is missing or better in the twin."""
    run = incident(kind)
    beside = departing(run, "traces").join(twin(run, "traces"), on="span_id", how="left", suffix="_twin")
    faster, other = pl.col("duration_ms_twin") < pl.col("duration_ms"), pl.col("status_twin") != pl.col("status")
    return beside.select("kind", better=pl.col("status_twin").is_null() | faster | other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_departs_is_missing_or_better_in_the_twin(kind):
    """Nearly all of them; chance has made the others a little slower there."""
    calls = improved(kind).filter(pl.col("kind") != "internal")
    assert len(calls) > 20 and calls["better"].mean() > 0.96


def test_a_span_that_departs_is_missing_or_better_in_the_twin():
    """In a request that was harmed, a piece of the work may be longer than ever before, and no longer than there."""
    assert pl.concat(improved(kind) for kind in KINDS)["better"].mean() > 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_no_event_that_departs_is_in_the_twin(kind):
    run = incident(kind)
    told = ["timestamp", "service", "type"]
    assert departing(run, "events").join(twin(run, "events"), on=told, how="semi").is_empty()


@pytest.mark.parametrize("kind", KINDS)
def test_hardly_a_log_line_that_departs_is_in_the_twin(kind):
    """Some forms are rare, and eight seconds are not enough to have seen them all."""
    run = incident(kind)
    lines = departing(run, "logs")
    same = lines.join(twin(run, "logs"), on=["timestamp", "service", "message"], how="semi")
    assert len(lines) > 20 and len(same) < 0.12 * len(lines)


def test_a_sample_departs_while_its_series_does():
    run = incident("slow")
    moved = {(each["service"], each["metric"], each["target"]): each for each in run.key["faults"][0]["moved"]}
    for row in judged(run)["metrics"].iter_rows(named=True):
        each = moved.get((row["service"], row["metric"], row["target"]))
        assert row["departs"] == (each is not None and each["onset"] <= row["timestamp"] <= each["until"])


@pytest.mark.parametrize("pieces", [2, 7])
def test_in_how_many_pieces_records_come_makes_no_difference(pieces):
    run = incident("refuse")
    whole, apart = judged(run), judged(run, pieces)
    assert all(whole[kind].equals(apart[kind]) for kind in whole)


def test_records_are_called_as_citations_call_them():
    found = judged(incident("slow"))
    assert found["logs"]["key"].to_list() == [str(number) for number in range(1, len(found["logs"]) + 1)]
    span = found["traces"].row(5, named=True)
    assert span["key"] == f"{span['trace_id']}/{span['span_id']}"
    edge = found["metrics"].filter(pl.col("target").is_not_null()).row(0, named=True)
    assert edge["key"] == f"{edge['service']}/{edge['metric']}>{edge['target']}@{edge['timestamp']}"
