"""The four signals of every scenario agree: each can be computed in part from the others."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from patience import USUAL, every
from polars.testing import assert_frame_equal
from recording import play, record
from wordings import loose, read

from meshquake.faults.fault import Extent, Target
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.loader import shipped
from meshquake.faults.scenario import Scenario
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.telemetry.logs.catalogue import Voice, notices
from meshquake.topology.loader import parse

SECOND = 1_000_000
ROUNDING = 0.0005 + 1e-9  # metrics have three decimals
CUT_SHORT = ("timeout", "cancelled")  # ends of a caller's wait that the callee knows nothing of
#: The percentile of each latency metric.
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


QUIET = Scenario(name="quiet", duration=20.0, lead_in=0.0, recovery=0.0, seed=1)
BUSY = """
name: busy
services: {db: {kind: database, workers: 1, operations: {get: {work: 10ms}}}}
workload: {rate: 80/s, mix: {db.get: 1}}
"""
DOOR = """
name: ingress
services: {web: {workers: 1, queue: 0, operations: {home: {work: {exponential: 100ms}}}}}
workload: {rate: 50/s, mix: {web.home: 1}}
"""


RUNS = [*((name, 42) for name in shipped()), ("cascade", 1), ("outage", 1)]


@pytest.fixture(scope="module", params=every(RUNS, [(name, 42) for name in USUAL]), ids=str)
def run(request):
    return play(*request.param)


def by_interval(spans):
    """Return spans with the end of the sampling interval in which they ended, within the recording."""
    return spans.with_columns(at=(pl.col("end") // SECOND + 1) * SECOND)


def samples(run, metric, *keys):
    """Return the samples of a metric by time and keys; every other key is null."""
    others = [key for key in ("replica", "target") if key not in keys]
    chosen = run.metrics.filter(
        pl.col("metric") == metric,
        *(pl.col(key).is_null() for key in others),
        *(pl.col(key).is_not_null() for key in keys),
    )
    return chosen.select("at", "service", *keys, "value")


def assert_samples(run, metric, computed, *keys, tolerance=ROUNDING):
    """Check that the nonzero samples of a metric equal the values `computed` from other records."""
    on = ["at", "service", *keys]
    last = run.metrics["at"].max()
    expected = computed.filter(pl.col("at") <= last, pl.col("value") > 0).select(*on, pl.col("value").cast(pl.Float64))
    sampled = samples(run, metric, *keys).filter(pl.col("value") > 0)
    assert_frame_equal(sampled.sort(on), expected.sort(on), check_exact=False, abs_tol=tolerance, rel_tol=0)


def nearest_rank(percent):
    """Return a percentile of durations by nearest rank, in integers so that no rank is off by a rounding error."""
    return pl.col("duration_ms").sort().get((pl.len() * percent + 99) // 100 - 1)


# -- metrics from spans ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [(), ("replica",)], ids=["service", "replica"])
def test_request_rates_are_the_server_spans_that_ended_in_the_interval(run, keys):
    served = by_interval(run.traces.filter(kind="server").drop_nulls(["service", *keys]))
    counts = served.group_by("at", "service", *keys).agg(value=pl.len())
    assert_samples(run, "request_rate", counts, *keys, tolerance=0)


@pytest.mark.parametrize("keys", [(), ("replica",)], ids=["service", "replica"])
def test_error_rates_are_the_share_of_these_that_failed(run, keys):
    served = by_interval(run.traces.filter(kind="server").drop_nulls(["service", *keys]))
    shares = served.group_by("at", "service", *keys).agg(value=100 * (pl.col("status") == "error").mean())
    assert_samples(run, "error_rate", shares, *keys)


@pytest.mark.parametrize("keys", [(), ("replica",)], ids=["service", "replica"])
@pytest.mark.parametrize("name", PERCENTILES)
def test_latencies_are_percentiles_of_their_durations(run, name, keys):
    served = by_interval(run.traces.filter(kind="server").drop_nulls(["service", *keys]))
    latencies = served.group_by("at", "service", *keys).agg(value=nearest_rank(PERCENTILES[name]))
    assert_samples(run, f"latency_{name}", latencies, *keys)


def test_where_no_request_ended_there_is_no_latency(run):
    rates = samples(run, "request_rate").filter(pl.col("value") == 0)
    latencies = samples(run, "latency_p50").filter(pl.col("value").is_not_nan())
    assert rates.join(latencies, on=["at", "service"]).is_empty()
    assert len(rates) + len(latencies) == len(samples(run, "request_rate"))


def test_retry_and_timeout_rates_of_an_edge_are_its_client_spans_that_ended_in_the_interval(run):
    asked = by_interval(run.traces.filter(kind="client")).rename({"peer": "target"})
    edge = asked.group_by("at", "service", "target")
    assert_samples(run, "retry_rate", edge.agg(value=(pl.col("attempt") > 1).sum()), "target", tolerance=0)
    assert_samples(
        run, "timeout_rate", edge.agg(value=(pl.col("error_type") == "timeout").sum()), "target", tolerance=0
    )


def test_the_cache_hit_rate_is_the_share_of_answered_lookups_without_a_line_that_says_miss(run):
    misses = run.logs.filter(pl.col("message").str.contains("(?i)cache miss")).select("span_id", miss=True)
    answered = run.asked("cache-service").filter(operation="cache-service.get", status="success")
    lookups = by_interval(answered).join(misses, on="span_id", how="left")
    share = 100 * pl.col("miss").is_null().mean()
    rates = lookups.group_by("at", "peer").agg(value=share).rename({"peer": "service"})
    assert_samples(run, "cache_hit_rate", rates)


@pytest.mark.parametrize("name", PERCENTILES)
def test_query_times_are_latencies_until_a_replica_has_no_worker_left_and_never_longer(run, name):
    """In these scenarios queries queue in their callers' pools; databases and caches have spare workers.

    Rarely, a database's background load holds all of its workers, and then queries wait for one.
    """
    pairs = samples(run, f"query_time_{name}").join(samples(run, f"latency_{name}"), on=["at", "service"])
    assert len(pairs) == len(samples(run, f"query_time_{name}"))
    assert (pairs["value"] <= pairs["value_right"]).all()
    busy = samples(run, "worker_utilization", "replica").filter(pl.col("value") > 90)  # over a second
    room = pairs.join(busy.group_by("service").agg(full=pl.col("at").min()), on="service", how="left")
    room = room.filter(pl.col("full").is_null() | (pl.col("at") < pl.col("full")))
    assert len(room) > 0.6 * len(pairs)
    assert (room["value"] == room["value_right"]).all()


def test_query_times_leave_out_the_wait_for_a_worker():
    run = record(QUIET, parse(BUSY, "busy").topology)
    assert (samples(run, "query_time_p99")["value"] == 10).all()
    assert samples(run, "latency_p99")["value"].max() > 20


def test_cpu_and_workers_were_in_use_until_the_moment_in_which_a_process_was_killed():
    """Its only worker never waits for anything but its only core, so the two are equal."""
    stop = Stop(id="stop", target=Target("service", "db"), at=Extent(seconds=5.6), for_=Extent(seconds=3.0))
    run = record(replace(QUIET, faults=(stop,)), parse(BUSY.replace("80/s", "200/s"), "busy").topology)
    cpu = samples(run, "cpu_usage")
    assert_frame_equal(cpu, samples(run, "worker_utilization"))
    assert cpu["value"][4:8].to_list() == [100, 60, 0, 0]


def test_cpu_over_a_long_interval_is_the_mean_of_short_ones_whatever_else_runs_on_the_cores():
    """Two hogs, one that ramps up and one cut short by the end of the process, over a varying load."""
    window = {"target": Target("service", "db"), "share": 0.6}
    rising = HogCpu(id="rising", at=Extent(seconds=2.3), for_=Extent(seconds=9.0), ramp=Extent(seconds=4.0), **window)
    steady = HogCpu(id="steady", at=Extent(seconds=8.7), for_=Extent(seconds=9.0), **window)
    stop = Stop(id="stop", target=Target("service", "db"), at=Extent(seconds=14.2), for_=Extent(seconds=2.5))
    scenario = replace(QUIET, faults=(rising, steady, stop))
    topology = parse(BUSY, "busy").topology
    short, long = (
        samples(record(scenario, topology, interval=interval), "cpu_usage")["value"].to_numpy()
        for interval in (0.1, 10.0)
    )
    assert short.min() == 0 and short.max() > 90
    rises, steady = short.reshape(2, 100).mean(axis=1)
    # While the hog ramps up, requests take longer the more it takes: the two aren't independent, as the mean assumes.
    assert long[0] == pytest.approx(rises, abs=1.5)
    assert long[1] == pytest.approx(steady, abs=0.001)


def test_what_runs_on_the_cores_besides_takes_its_share_of_what_requests_leave():
    hog = HogCpu(id="hog", target=Target("service", "db"), at=Extent(seconds=5.5), for_=Extent(seconds=2.0), share=0.5)
    idle = record(replace(QUIET, rate=0.001, faults=(hog,)), parse(BUSY, "busy").topology)
    assert samples(idle, "cpu_usage")["value"][4:9].to_list() == [0, 25, 50, 25, 0]


def test_connections_in_use_are_those_of_all_callers_pools(run):
    by_callee = samples(run, "pool_in_use", "target").group_by("at", "target").agg(pl.col("value").sum())
    assert_samples(run, "connections_in_use", by_callee.rename({"target": "service"}), tolerance=0)
    of_replicas = samples(run, "pool_in_use", "replica", "target")
    assert_samples(
        run, "pool_in_use", of_replicas.group_by("at", "service", "target").agg(pl.col("value").sum()), "target"
    )


def test_breaker_states_are_where_the_last_event_before_the_sample_left_them(run):
    code = {f"circuit_breaker_{state}": number for number, state in enumerate(("closed", "half_open", "open"))}
    sampled = samples(run, "circuit_breaker_state", "replica", "target").sort("at")
    moves = run.events.filter(pl.col("type").is_in(list(code))).select(
        "at",
        "replica",
        target=pl.col("attributes").str.json_path_match("$.target"),
        state=pl.col("type").replace_strict(code, return_dtype=pl.Float64),
    )
    # A new process knows nothing of the old one's failures.
    targets = sampled.select("replica", "target").unique()
    ended = run.events.filter(pl.col("type").is_in(["restart", "replica_stopped"]))
    restarts = ended.select("at", "replica").join(targets, on="replica").with_columns(state=0.0)
    told = pl.concat([moves, restarts.select(moves.columns)]).sort("at", maintain_order=True)
    told = sampled.join_asof(told, on="at", by=["replica", "target"], allow_exact_matches=False, check_sortedness=False)
    assert (told["value"] == told["state"].fill_null(0.0)).all()
    worst = sampled.group_by("at", "service", "target").agg(pl.col("value").max())
    assert_samples(run, "circuit_breaker_state", worst, "target", tolerance=0)


def test_every_breaker_event_has_its_log_line(run):
    moves = run.events.filter(pl.col("type").str.starts_with("circuit_breaker_"))
    texts = {
        service.name: [
            (log.logger, loose(log.text))
            for name, notice in notices(Voice.of(service)).items()
            for log in notice.logs
            if name.startswith("circuit_breaker_")
        ]
        for service in run.topology.services
    }
    alone = run.logs.filter(pl.col("trace_id").is_null()).join(
        moves, on=["timestamp", "service", "replica"], how="semi"
    )
    lines = [
        (row["timestamp"], row["replica"])
        for row in alone.iter_rows(named=True)
        if any(row["logger"] == logger and text.fullmatch(row["message"]) for logger, text in texts[row["service"]])
    ]
    assert moves.select("timestamp", "replica").rows() == lines


# -- logs and spans -------------------------------------------------------------------------------------------------


def test_every_lines_trace_and_span_exist_and_agree_with_it(run):
    """The line comes from the process of the span, during the span."""
    inside = run.logs.filter(pl.col("trace_id").is_not_null())
    pairs = inside.join(run.traces, on=["trace_id", "span_id"], suffix="_of_span")
    assert len(pairs) == len(inside) > 0
    assert (pairs["service"] == pairs["service_of_span"]).all()
    assert pairs["replica"].eq_missing(pairs["replica_of_span"]).all()
    assert pairs.filter(~pl.col("at").is_between(pl.col("at_of_span"), pl.col("end"))).is_empty()


def test_a_line_has_a_trace_exactly_if_it_has_a_span(run):
    assert (run.logs["trace_id"].is_null() == run.logs["span_id"].is_null()).all()


def test_a_request_that_failed_left_an_error_line_unless_its_process_was_killed(run):
    failures = run.traces.filter(pl.col("error_type") != "connection_reset", kind="server", status="error")
    errors = run.logs.filter(pl.col("level").is_in(["ERROR", "FATAL"]))
    assert failures.join(errors, on="span_id", how="anti").is_empty()


def test_a_server_span_that_succeeded_left_no_error_line_but_about_something_beside(run):
    """Side notes are allowed: say, a lost audit event, or a client that sent nonsense."""
    errors = run.logs.filter(pl.col("level").is_in(["ERROR", "FATAL"]), pl.col("span_id").is_not_null())
    spans = run.traces.filter(kind="server", status="success")
    for row, ways in read(errors, spans, run.topology):
        assert "remarks" in {values["part"] for values in ways}, row


def test_an_events_service_replica_and_version_exist(run):
    replicas = run.metrics.filter(pl.col("replica").is_not_null()).select("service", "replica").unique()
    named = run.events.filter(pl.col("replica").is_not_null())
    assert named.join(replicas, on=["service", "replica"], how="anti").is_empty()
    assert set(run.events["service"]) <= {service.name for service in run.topology.services}


# -- spans ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def families(run):
    """Return each half of a call beside its cause, whose columns end in `_above`."""
    return run.halves.join(
        run.halves, left_on=["trace_id", "parent_span_id"], right_on=["trace_id", "span_id"], suffix="_above"
    )


def test_ids_are_w3c_and_span_ids_are_unique(run):
    assert run.traces["trace_id"].str.contains(r"^[0-9a-f]{32}$").all()
    assert run.traces["span_id"].str.contains(r"^[0-9a-f]{16}$").all()
    assert not (run.traces["trace_id"] == "0" * 32).any()
    assert run.traces["span_id"].is_unique().all()


def test_each_trace_has_one_root_a_server_span_of_an_entry_operation_and_all_parents_exist(run, families):
    roots = run.roots
    assert len(families) + len(roots) == len(run.halves)
    others = run.traces.filter(pl.col("parent_span_id").is_not_null())
    assert others.join(run.traces, left_on="parent_span_id", right_on="span_id", how="anti").is_empty()
    assert roots["trace_id"].is_unique().all()
    assert roots["trace_id"].n_unique() == run.traces["trace_id"].n_unique()
    assert set(roots["kind"]) == {"server"}
    entries = {(entry.service, f"{entry.service}.{entry.operation}") for entry in run.topology.workload.mix}
    assert set(roots.select("service", "operation").unique().iter_rows()) <= entries
    assert roots["peer"].is_null().all()


def test_a_servers_parent_is_the_attempt_that_reached_it(families):
    served = families.filter(kind="server")
    assert set(served["kind_above"]) == {"client"}
    for mine, theirs in (("service", "peer"), ("peer", "service"), ("operation", "operation"), ("attempt", "attempt")):
        assert (served[mine] == served[f"{theirs}_above"]).all()


def test_an_attempts_parent_is_the_request_for_which_the_same_process_made_it(families):
    asked = families.filter(kind="client")
    assert set(asked["kind_above"]) <= {"server", "internal"}
    for column in ("service", "replica", "version"):
        assert (asked[column] == asked[f"{column}_above"]).all()


def test_an_attempt_lies_within_the_request_for_which_it_was_made(families):
    asked = families.filter(kind="client")
    assert (asked["at"] >= asked["at_above"]).all()
    assert (asked["end"] <= asked["end_above"]).all()


def test_a_server_span_lies_within_its_client_span_and_says_the_same_unless_the_caller_was_gone(families):
    """Nothing happens before it is requested; only a caller that gave up, or was killed, doesn't see the end of it."""
    served = families.filter(kind="server")
    assert (served["at"] >= served["at_above"]).all()
    gone = pl.col("error_type_above").is_in(CUT_SHORT)
    waited = served.filter(gone.fill_null(False).not_())
    assert (waited["end"] <= waited["end_above"]).all()
    assert waited["error_type"].eq_missing(waited["error_type_above"]).all()


def test_an_attempt_follows_one_of_the_number_before_it_that_failed_and_none_is_followed_twice(run):
    """A process may make the same call several times for a request, each with attempts of its own."""
    place = ["trace_id", "parent_span_id", "peer", "operation", "attempt"]
    asked = run.traces.filter(kind="client")
    failed = asked.filter(status="error").with_columns(pl.col("attempt") + 1).sort("end")
    again = asked.filter(pl.col("attempt") > 1).sort("at")
    # The first to begin may follow the first that ended, the second the second, and so on.
    order = pl.int_range(pl.len()).over(place).alias("order")
    pairs = again.with_columns(order).join(
        failed.with_columns(order), on=[*place, "order"], how="left", suffix="_before"
    )
    assert (pairs["at"] >= pairs["end_before"]).all()
    assert pairs["end_before"].is_not_null().all()


def test_status_error_type_and_status_code_agree(run):
    good = run.traces.filter(status="success")
    assert good["error_type"].is_null().all()
    assert (good["status_code"] == 200).all()
    bad = run.traces.filter(status="error")
    assert bad["error_type"].is_not_null().all()
    assert (bad["status_code"] >= 499).all()


def test_each_kind_is_in_order_of_its_timestamps(run):
    for kind in RECORD_KINDS:
        assert getattr(run, kind)["timestamp"].is_sorted()


# -- at the ingress ---------------------------------------------------------------------------------------------------


def test_a_request_shed_at_the_ingress_has_a_root_of_no_length_and_a_line():
    run = record(QUIET, parse(DOOR, "ingress").topology)
    shed = run.traces.filter(error_type="overloaded")
    assert run.traces.equals(run.roots)
    assert (shed["duration_ms"] == 0).all()
    # Erlang's loss formula for one worker, 50/s and 100 ms: 5/6.
    assert len(shed) / len(run.roots) == pytest.approx(5 / 6, abs=0.05)
    lines = run.logs.filter(pl.col("message") == "Request queue full (0/0 waiting, 1 workers): home shed")
    assert np.array_equal(lines["span_id"], shed["span_id"])
