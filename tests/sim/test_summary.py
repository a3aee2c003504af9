"""The summary of a run agrees with the records it is computed from."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from math import ceil

import polars as pl
import pytest

from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.sim.hits import HIT_ERRORS, HIT_SLOWER
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.sim.summary import Summary
from meshquake.topology import loader as topology_loader

OPTIONS = Options(duration=40, lead_in=20, recovery=15)


def play(name, options=OPTIONS, batch=20_000):
    """Return the summary of a run, and its records as frames."""
    loaded = load(shipped()[name], options)
    summary = Summary(loaded.scenario, DEFAULT_START)
    batches = list(Simulation.of(loaded, batch=batch).batches())
    for each in batches:
        summary.take(each)
    summary.finish()
    return summary, {kind: pl.concat([each.frame(kind) for each in batches]) for kind in RECORD_KINDS}


@pytest.fixture(scope="module")
def cascade():
    return play("cascade")


def at(seconds):
    """Format a moment of the recording as records do."""
    return (DEFAULT_START + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def test_requests_and_errors_of_a_phase_are_those_of_the_roots_that_began_in_it(cascade):
    summary, frames = cascade
    roots = frames["traces"].filter(pl.col("parent_span_id").is_null())
    for phase, (begin, end) in zip(summary.phases, [(0, 20), (20, 60), (60, 75)], strict=True):
        own = roots.filter(pl.col("timestamp").is_between(pl.lit(at(begin)), pl.lit(at(end)), closed="left"))
        failed = own.filter(status="error")
        assert (phase.seconds, phase.requests, phase.errors) == (end - begin, len(own), len(failed))
        assert phase.error_share == len(failed) / len(own)
    assert [phase.name for phase in summary.phases] == ["before", "during", "after"]
    assert sum(phase.requests for phase in summary.phases) == len(roots)


def test_latencies_are_within_one_percent_of_those_in_the_traces(cascade):
    summary, frames = cascade
    roots = frames["traces"].filter(pl.col("parent_span_id").is_null())
    for phase, (begin, end) in zip(summary.phases, [(0, 20), (20, 60), (60, 75)], strict=True):
        own = roots.filter(pl.col("timestamp").is_between(pl.lit(at(begin)), pl.lit(at(end)), closed="left"))
        ordered = own["duration_ms"].sort()
        for quantile in (0.5, 0.95, 0.99, 1.0):
            exact = ordered[ceil(quantile * len(ordered)) - 1]
            assert phase.latency(quantile) == pytest.approx(exact, rel=0.01)


def test_records_and_opened_breakers_are_counted(cascade):
    summary, frames = cascade
    assert summary.records == {kind: len(frame) for kind, frame in frames.items()}
    opened = (
        frames["events"]
        .filter(type="circuit_breaker_open")
        .with_columns(target=pl.col("attributes").str.json_path_match("$.target"))
    )
    counted = {(caller, callee): n for caller, callee, n in opened.group_by("service", "target").len().iter_rows()}
    assert summary.opened == counted != {}


def test_a_service_is_hit_when_its_first_failed_or_slow_request_ends(cascade):
    """Each onset is the end of a bad span of the incident, and no such service was in trouble before."""
    summary, frames = cascade
    assert summary.hits
    servers = (
        frames["traces"]
        .filter(kind="server")
        .with_columns(
            start=(pl.col("timestamp").str.to_datetime(time_zone="UTC") - DEFAULT_START).dt.total_microseconds() / 1e6
            - 20,
        )
    )
    ends = servers.with_columns(end=pl.col("start") + pl.col("duration_ms") / 1000)
    for hit in summary.hits:
        own = ends.filter(service=hit.service)
        before, during = own.filter(pl.col("start") < 0), own.filter(pl.col("start") >= 0)
        onset = during.filter((pl.col("end") - hit.onset).abs() < 1e-5)
        assert len(onset) == 1
        if "errors" in hit.sign:
            assert onset["status"].item() == "error"
        else:
            assert onset["duration_ms"].item() > 0.98 * HIT_SLOWER * before["duration_ms"].quantile(0.95)
        assert (before["status"] == "error").mean() < HIT_ERRORS


def test_the_root_of_the_cascade_is_hit_first():
    summary, _ = play("cascade", replace(OPTIONS, calm=True))
    assert summary.hits[0].service == "database"
    assert [hit.onset for hit in summary.hits] == sorted(hit.onset for hit in summary.hits)


def test_nothing_is_hit_and_no_breaker_opens_when_nothing_goes_wrong():
    summary, _ = play("normal", Options(duration=20, lead_in=20, recovery=5))
    assert (summary.hits, summary.opened) == ([], {})


MIXED = "{mixture: [{weight: 95%, exponential: 4ms}, {weight: 5%, constant: 80ms}]}"
#: Two hundred services, most with a request or two a second, and a few slow requests among them.
SPARSE = "\n".join(
    [
        "name: sparse",
        "services:",
        "  front: {replicas: 2, operations: {page: {calls: [[",
        ", ".join(f"mid-{mid}.work: {{probability: 20%}}" for mid in range(20)),
        "]]}}}",
        *(
            f"  mid-{mid}: {{operations: {{work: {{work: {{exponential: 4ms}}, calls: [["
            + ", ".join(f"leaf-{mid}-{leaf}.work: {{probability: 30%}}" for leaf in range(9))
            + "]]}}}"
            for mid in range(20)
        ),
        *(
            f"  leaf-{mid}-{leaf}: {{operations: {{work: {{work: {MIXED}}}}}}}"
            for mid in range(20)
            for leaf in range(9)
        ),
        "workload: {rate: 20/s, mix: {front.page: 1}}",
    ]
)


@pytest.mark.parametrize("seed", range(4))
def test_no_service_of_a_large_sparse_mesh_is_hit_when_nothing_goes_wrong(seed):
    mesh = topology_loader.parse(SPARSE, "sparse.yaml")
    text = "name: quiet\nconfounders: none\nlead_in: 30s\nduration: 60s\nrecovery: 10s\n"
    loaded = parse(text, "quiet.yaml", Options(seed=seed), mesh=mesh)
    assert len(loaded.topology.services) > 200
    summary = Summary(loaded.scenario, DEFAULT_START)
    for each in Simulation.of(loaded).batches():
        summary.take(each)
    summary.finish()
    assert summary.hits == []


def test_figures_do_not_depend_on_the_size_of_batches(cascade):
    summary, _ = play("cascade", batch=500)
    assert (summary.hits, summary.opened, summary.records) == (cascade[0].hits, cascade[0].opened, cascade[0].records)
    for one, other in zip(summary.phases, cascade[0].phases, strict=True):
        assert (one.requests, one.errors, one.latencies.tolist()) == (
            other.requests,
            other.errors,
            other.latencies.tolist(),
        )


def test_a_phase_without_a_length_is_left_out_and_one_without_requests_has_no_figures():
    summary, _ = play("normal", Options(duration=0.001, recovery=0.001))
    assert [phase.name for phase in summary.phases] == ["during", "after"]
    assert [(phase.requests, phase.error_share, phase.latency(0.5)) for phase in summary.phases] == [
        (0, None, None)
    ] * 2


def test_a_year_takes_as_little_memory_to_sum_up_as_a_minute():
    """Slices are made as needed: a long recording costs nothing before it is played."""
    scenario = load(shipped()["normal"], Options(duration=366 * 86400)).scenario
    tracemalloc.start()
    Summary(scenario, DEFAULT_START)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e6
