"""Imperfect observation of a mesh: the records that are kept, altered or lost."""

from collections import Counter
from datetime import datetime, timedelta
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_mesh import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.faults.observability import Observability
from meshquake.sim.observability.scraping import Scraping
from meshquake.sim.observability.window import AT
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.topology import loader as topologies
from meshquake.topology.placement import Placement

SCENARIO = """
name: killed
lead_in: 20s
duration: 20s
recovery: 10s
confounders: none
faults:
  - stop: {{target: "web[1]", at: 2s, for: 8s}}
  - fail: {{target: db, share: 30%, at: 12s, for: 4s}}
observability: {}
"""
EVERYTHING = (
    "{level: poor, head_sampling: 60%, tail_sampling: {keep: 30%, slow: 60ms, wait: 5s}, late_by: 4s,"
    " lost: 5%, duplicated: 5%, late: 10%, series_limit: 90}"
)


@cache
def played(observability, batch=32_000, seed=3):
    """Return the recording by kind, the records that differ from it by kind, and the collector."""
    mesh = topologies.parse(SMALL, "small.yaml")
    loaded = parse(SCENARIO.format(observability), "killed.yaml", Options(seed=seed), mesh=mesh)
    simulation = Simulation.of(loaded, batch=batch)
    told = {kind: [] for kind in RECORD_KINDS}
    if simulation.collector is not None:
        simulation.collector.on_fate = lambda kind, records: told[kind].append(records)
    batches = list(simulation.batches())
    recorded = {kind: pl.concat([each.frame(kind) for each in batches]) for kind in RECORD_KINDS}
    fates = {kind: pl.concat(frames) if frames else None for kind, frames in told.items()}
    return recorded, fates, simulation.collector


def perfect(kind):
    return played("perfect")[0][kind]


def moments(frame, column="timestamp"):
    return frame[column].str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%z", time_unit="us").cast(pl.Int64)


def bag(frame, without=()):
    return Counter(frame.drop(without).iter_rows())


def later(timestamp, seconds):
    """Return the timestamp so much later."""
    return (datetime.fromisoformat(timestamp) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def by_true_clocks(frame, collector):
    """Return records with their timestamps corrected for the errors of their clocks."""
    off = collector.clocks.off
    host = frame.select(pl.coalesce("replica", "service")).to_series()
    back = pl.Series([round(off.get(name, 0)) for name in host], dtype=pl.Int64)
    text = (moments(frame) - back).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    return frame.with_columns(text.alias("timestamp"))


@pytest.mark.parametrize("observability", ["typical", "poor", EVERYTHING])
@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_what_the_mesh_made_is_what_is_recorded_and_what_is_told_of_the_rest(kind, observability):
    recorded, fates, collector = played(observability)
    seen, rest = recorded[kind], fates[kind]
    if kind in ("logs", "traces"):
        seen = by_true_clocks(seen, collector)
    made, told = bag(perfect(kind)), bag(seen)
    if rest is not None:
        gone = rest.filter(pl.col("recorded").is_null())
        late = rest.filter(pl.col("fate") == "late")
        twice = rest.filter(pl.col("fate") == "duplicated")
        stamped = late.drop("timestamp").rename({"recorded": "timestamp"}).select(rest.columns[:-2])
        told += bag(gone, ["fate", "recorded"])
        told -= bag(by_true_clocks(stamped, collector))
        told += bag(late, ["fate", "recorded"])
        told -= bag(twice, ["fate", "recorded"])
    assert told == made
    assert collector.made[kind] == len(perfect(kind)) and collector.recorded[kind] == len(recorded[kind])
    assert sum(collector.fates[kind].values()) == (0 if rest is None else len(rest))


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_records_come_in_order_of_the_time_that_they_have(kind):
    assert played(EVERYTHING)[0][kind]["timestamp"].is_sorted()


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_what_is_recorded_does_not_depend_on_batches(kind):
    assert played(EVERYTHING, batch=300)[0][kind].equals(played(EVERYTHING)[0][kind])


def test_other_errors_change_nothing_of_what_is_sampled():
    alone = set(played("{head_sampling: 60%}")[0]["traces"]["trace_id"])
    recorded, fates, _ = played("{head_sampling: 60%, clock_skew: 1s, scrape_failures: 50%, late: 20%}")
    early = fates["traces"].filter(pl.col("fate") == "before the recording")
    assert {*recorded["traces"]["trace_id"], *early["trace_id"]} == alone


@pytest.mark.parametrize("kind", ["metrics", "logs", "events"])
def test_sampling_changes_no_other_record(kind):
    assert played("{head_sampling: 10%, tail_sampling: {keep: 5%, wait: 5s}}")[0][kind].equals(perfect(kind))


def test_a_trace_is_sampled_as_a_whole():
    recorded = played("{head_sampling: 50%, tail_sampling: {keep: 50%, wait: 5s}}")[0]["traces"]
    counts = dict(perfect("traces")["trace_id"].value_counts().iter_rows())
    assert dict(recorded["trace_id"].value_counts().iter_rows()).items() <= counts.items()


@settings(max_examples=4)
@given(st.integers(0, 100), st.integers(0, 100))
def test_who_samples_more_samples_the_same_traces_and_more(one, other):
    less, more = (played(f"{{head_sampling: {share}%}}")[0]["traces"] for share in sorted((one, other)))
    assert set(less["trace_id"]) <= set(more["trace_id"])


def test_the_head_samples_the_share_that_is_asked_for():
    total = perfect("traces")["trace_id"].n_unique()
    found = played("{head_sampling: 50%}")[0]["traces"]["trace_id"].n_unique()
    assert abs(found - total / 2) < 4 * (total / 4) ** 0.5


def test_the_tail_keeps_every_trace_that_failed_or_was_slow_and_a_share_of_the_others():
    traces = perfect("traces")
    end = moments(traces) + (traces["duration_ms"] * 1000).round().cast(pl.Int64)
    whole = (
        traces.with_columns(begin=moments(traces), end=end)
        .group_by("trace_id")
        .agg(matters=(pl.col("status") == "error").any() | (pl.col("end").max() - pl.col("begin").min() > 60_000))
    )
    kept = set(played("{tail_sampling: {keep: 30%, slow: 60ms, wait: 10s}}")[0]["traces"]["trace_id"])
    matters = set(whole.filter("matters")["trace_id"])
    others = set(whole.filter(~pl.col("matters"))["trace_id"])
    assert matters and matters <= kept
    assert abs(len(kept & others) - 0.3 * len(others)) < 4 * (0.21 * len(others)) ** 0.5
    none = set(played("{tail_sampling: {keep: 0%, slow: 60ms, wait: 10s}}")[0]["traces"]["trace_id"])
    assert none == matters


def test_a_process_that_is_down_is_not_scraped_but_whoever_runs_its_pod_is():
    samples = perfect("metrics").filter(pl.col("replica") == "web-1")
    recorded = played("{scraped: true}")[0]["metrics"].filter(pl.col("replica") == "web-1")
    events = perfect("events").filter(pl.col("replica") == "web-1")
    down, up = (events.filter(pl.col("type") == name)["timestamp"][0] for name in ("replica_stopped", "restart"))
    silent = pl.col("timestamp").is_between(pl.lit(down), pl.lit(up), closed="right")
    listens = later(up, topologies.parse(SMALL, "small.yaml").topology.service("web").startup)
    starts = pl.col("timestamp").is_between(pl.lit(up), pl.lit(listens), closed="right")
    assert len(samples.filter(silent)) > 0 and len(samples.filter(starts)) > 0
    of_pods = pl.col("metric").is_in(["pod_ready", "pod_restarts", "network_received", "network_sent"])
    of_containers = pl.col("metric").is_in(["cpu_usage", "memory_usage"])
    assert recorded.equals(samples.filter((~silent & ~starts) | of_pods | (starts & of_containers)))
    assert set(recorded.filter(silent, metric="pod_ready")["value"]) == {0.0}
    fates = played("{scraped: true}")[1]["metrics"].filter(pl.col("replica") == "web-1")
    assert set(fates.filter(silent)["fate"]) == {"replica down"}
    assert set(fates.filter(starts)["fate"]) == {"replica starting"}


def test_a_process_that_replaces_another_at_once_is_scraped_when_it_listens():
    """A restart is no crash: no event says that a process stopped."""
    scraping = Scraping(1, Observability(scraped=True), ["pod_ready"], ["memory_usage"])
    scraping.note_start("web-0", 10, 30)
    scraping.note_down("web-0", 50)
    scraping.note_start("web-0", 60, 80)
    scraping.note_down("web-0", 70)  # killed while it starts
    rows = [
        ("web-0", name, at) for at in (5, 20, 31, 55, 65, 75) for name in ("heap_used", "memory_usage", "pod_ready")
    ]
    frame = pl.DataFrame(rows, schema={"replica": pl.String, "metric": pl.String, AT: pl.Int64}, orient="row")
    down, starting = "replica down", "replica starting"
    assert scraping.fates(frame).to_list() == [
        *(None, None, None),
        *(starting, None, None),
        *(None, None, None),
        *(down, down, None),
        *(starting, None, None),
        *(down, down, None),
    ]


@pytest.mark.parametrize("agents_die", [False, True])
def test_what_a_killed_process_had_not_exported_is_gone(agents_die):
    _, fates, _ = played(f"{{export_every: 5s, agents_die: {str(agents_die).lower()}}}")
    killed = moments(perfect("events").filter(pl.col("type") == "replica_stopped"))[0]
    spans = fates["traces"]
    assert set(spans["fate"]) == {"process killed"} and set(spans["replica"]) == {"web-1"}
    end = moments(spans) + (spans["duration_ms"] * 1000).round().cast(pl.Int64)
    assert killed - 5_000_000 < end.min() and end.max() <= killed
    # The process held all spans that it had finished since its last export.
    made = perfect("traces").filter(pl.col("replica") == "web-1")
    ended = moments(made) + (made["duration_ms"] * 1000).round().cast(pl.Int64)
    assert int(((ended >= end.min()) & (ended <= killed)).sum()) == len(spans)
    assert (fates["logs"] is not None) == agents_die


def test_a_scrape_fails_as_a_whole():
    recorded = played("{scrape_failures: 20%}")[0]["metrics"]
    scrapes = ["timestamp", "replica"]

    def counted(frame):
        return dict(frame.filter(pl.col("replica").is_not_null()).group_by(scrapes).len().rows_by_key(scrapes).items())

    made, found = counted(perfect("metrics")), counted(recorded)
    assert found.items() <= made.items()
    missing = 1 - len(found) / len(made)
    assert 0.15 < missing < 0.3
    services = pl.col("replica").is_null()
    assert recorded.filter(services).equals(perfect("metrics").filter(services))


def test_series_over_the_limit_are_refused_and_the_others_go_on():
    names = ["service", "metric", "replica", "target"]
    recorded = played("{series_limit: 50}")[0]["metrics"]
    series = recorded.select(names).unique()
    assert len(series) == 50
    assert recorded.equals(perfect("metrics").join(series, on=names, how="semi", nulls_equal=True))


def test_late_lines_have_the_time_at_which_they_came():
    _, fates, _ = played("{late: 30%, late_by: 2s}")
    late = fates["logs"]
    wait = moments(late, "recorded") - moments(late)
    assert len(late) > 100 and wait.min() > 0 and wait.max() <= 2_000_000


def test_clocks_are_off_by_a_constant_each_and_durations_by_nothing():
    """A node has one clock, shared by all pods on it."""
    recorded, _, collector = played("{clock_skew: 100ms}")
    off, placement = collector.clocks.off, Placement(topologies.parse(SMALL, "small.yaml").topology)
    pods = {host: (placement.node(host.rpartition("-")[0], host), off[host]) for host in off if "-" in host}
    assert len(set(pods.values())) == len({each for _, each in pods.values()}) == len(placement.nodes)
    assert 1 < len(placement.nodes) < len(pods)
    both = recorded["traces"].join(perfect("traces"), on="span_id", suffix="_was")
    assert len(both) == len(recorded["traces"]) > 0.99 * len(perfect("traces"))
    assert both["duration_ms"].equals(both["duration_ms_was"])
    host = both.select(pl.coalesce("replica", "service")).to_series()
    assert (moments(both) - moments(both, "timestamp_was")).to_list() == [off[name] for name in host]
    assert recorded["metrics"].equals(perfect("metrics"))


def test_perfect_observability_is_not_there():
    assert played("perfect")[2] is None and played("{level: perfect, late_by: 5s}")[0]["logs"].equals(perfect("logs"))


def test_nothing_is_recorded_as_of_before_the_recording():
    recorded, fates, _ = played("{clock_skew: 2s}")
    start = DEFAULT_START.isoformat(timespec="microseconds")
    for kind in ("logs", "traces"):
        assert recorded[kind]["timestamp"].min() >= start
        assert set(fates[kind]["fate"]) == {"before the recording"}
