"""Metrics of networks, disks, runtimes, pods and nodes follow from the calls and processes, to the byte."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from stage import play

from meshquake.exporters.formats import context
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.faults import loader
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.sim.telemetry.hosts import checkpoints, disks
from meshquake.sim.telemetry.hosts.traffic import Traffic
from meshquake.sim.telemetry.requests.particulars import Particulars
from meshquake.sim.telemetry.spans.spans import spans_of
from meshquake.sim.telemetry.tables import Tables
from meshquake.topology.loader import parse

MESH = """
name: shop
cluster: {nodes: 2}
services:
  web:
    replicas: 2
    workers: 8
    cpu: 2
    stack: java/spring-boot
    memory: {limit: 64MiB, garbage: 1MiB, collect_at: 25%}
    operations: {home: {work: 4ms, calls: [app.get, db.insert]}}
  app: {stack: nodejs/express, workers: 32, cpu: 1, operations: {get: {work: 8ms, size: {request: 1kB, answer: 50kB}}}}
  db:
    {kind: database, stack: postgresql, workers: 8, cpu: 2, disk: {size: 4MiB, used: 50%},
     operations: {insert: {work: 2ms}}}
edges:
  web -> app: {timeout: 1s, connect_timeout: 3s}
  web -> db: {pool: {size: 4}}
workload: {rate: 40/s, mix: {web.home: 1}}
"""


def scenario(*faults, seconds=20):
    """Return a scenario of some faults, as in a file, on the mesh."""
    header = f"name: play\nsummary: a play\nduration: {seconds}s\nlead_in: 0s\nrecovery: 0s\nconfounders: none\n"
    return loader.parse(f"{header}faults: [{', '.join(faults)}]\n", "play.yaml", mesh=parse(MESH, "mesh.yaml"))


def recorded(*faults, seconds=20, **settings):
    """Return a run with some faults, and its batches."""
    simulation = Simulation.of(scenario(*faults, seconds=seconds), **settings)
    return simulation, list(simulation.batches())


def of(batches, metric, **where):
    """Return the values of a metric, in order of time."""
    frame = pl.concat([batch.metrics for batch in batches]).filter(metric=metric, **where)
    return frame["value"].to_numpy()


@pytest.fixture(scope="module")
def quiet():
    return recorded()[1]


# -- networks ---------------------------------------------------------------------------------------------------------


def traffic(*faults):
    """Return the messages of both halves of all calls between services of a finished run, with their spans."""
    loaded = scenario(*faults)
    happens = [(fault, loaded.scenario.window(fault)) for fault in loaded.scenario.faults]
    rows = play(loaded.topology, 1, 800, happens)
    tables = Tables(Mesh(loaded.topology, 1, end=20.0), DEFAULT_START)
    spans = spans_of(rows.tobytes())
    inner = spans.where(tables.site_parent[spans.site] >= 0)
    halves = inner.where(~inner.server), inner.where(inner.server)
    return [(half, Traffic(tables, half, np.zeros(len(half), dtype=np.int64))) for half in halves]


DROP = "drop: {target: web -> app, at: 5s, for: 5s}"


def test_whatever_one_pod_sends_another_receives_to_the_byte():
    (_, client), (_, server) = traffic()
    assert client.sent.sum() == server.received.sum() > 1e5
    assert server.sent.sum() == client.received.sum() > 1e6
    assert len(set(client.sent)) > 100  # each has a size of its own


def test_requests_that_the_network_drops_are_sent_and_received_by_nobody():
    (calls, client), (_, server) = traffic(f"{{{DROP}}}")
    dropped = calls.left & ~calls.reached
    assert dropped.sum() > 50
    assert client.sent.sum() - client.sent[dropped].sum() == server.received.sum()
    assert server.sent.sum() == client.received.sum()


def test_answers_that_the_network_drops_are_sent_and_received_by_nobody():
    (calls, client), (answers, server) = traffic(f"{{{DROP[:-1]}, lost: answers}}}}")
    assert calls.swallowed.sum() == answers.swallowed.sum() > 50
    assert client.sent.sum() == server.received.sum()
    assert server.sent.sum() - server.sent[answers.swallowed].sum() == client.received.sum()


def test_sizes_are_lognormal_around_what_the_topology_says():
    (calls, client), _ = traffic()
    to_app = np.log(client.answer[(calls.site == 1) & calls.answered])
    assert abs(np.median(to_app) - np.log(50_000)) < 0.15
    assert abs(np.std(to_app) - 0.9) < 0.1


def test_the_bytes_that_log_lines_tell_of_are_those_on_the_network():
    topology = parse(MESH, "mesh.yaml").topology
    tables = Tables(Mesh(topology, 1, end=5.0), DEFAULT_START)
    spans = spans_of(play(topology, 1, 200).tobytes())
    answered = spans.where(spans.answered & ~spans.refused)
    told = pl.select(Particulars(tables, topology, 1).about(answered)["bytes"]).to_series().to_numpy()
    assert (told == Traffic(tables, answered, np.zeros(len(answered), dtype=np.int64)).answer).all()


def test_a_dropped_call_is_sent_again_after_fifths_of_a_second_doubled_until_its_caller_gives_up():
    """With a timeout of 1 s: after 0.2 and 0.6 s; the third would come after 1.4 s (RFC 6298)."""
    (calls, client), _ = traffic(f"{{{DROP}}}")
    dropped = calls.left & ~calls.reached
    usual = (client.again == 3) & dropped  # a few of them by the usual loss
    assert set(client.again[dropped & ~usual]) == {2}
    assert client.again[~dropped].sum() < 5


@pytest.mark.parametrize(("share", "least", "most"), [("100%", 0, 3), ("10%", 20, 60)])
def test_what_is_as_late_as_all_others_is_not_sent_again_and_what_is_later_is(share, least, most):
    """TCP's timer adapts to recent round trips (RFC 6298); a tenth of 320 calls is later than it expects."""
    _, batches = recorded(f"{{delay: {{target: web -> app, at: 5s, for: 10s, by: 300ms, share: {share}}}}}")
    assert least <= of(batches, "network_retransmits", target="app")[6:14].sum() <= most


# -- sockets and descriptors ------------------------------------------------------------------------------------------


def test_descriptors_rise_while_calls_hang_and_fall_back_once_they_do_not():
    _, batches = recorded("{hang: {target: app, at: 5s, for: 5s}}")
    descriptors = of(batches, "open_descriptors", replica="app-0")
    usual = descriptors[:5].max()
    assert descriptors[9] > usual + 20
    assert descriptors[15:].max() <= usual + 3


def test_sockets_of_a_pool_are_those_it_opened_at_both_ends(quiet):
    """Two replicas of web have four pooled connections each: eight at the database, which listens on one socket."""
    assert set(of(quiet, "open_sockets", service="db")) == {9}


# -- disks ------------------------------------------------------------------------------------------------------------


def told_of_checkpoints(batches):
    """Return the final lines of checkpoints: when each is written (seconds), and the number of pages it reports."""
    lines = pl.concat([batch.logs for batch in batches]).filter(
        pl.col("message").str.starts_with("checkpoint complete")
    )
    at = lines["timestamp"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z") - DEFAULT_START
    return at.dt.total_microseconds() / 1e6, lines["message"].str.extract(r"wrote (\d+) buffers").cast(pl.Int64)


def test_a_checkpoint_writes_the_pages_that_its_line_says_when_so_much_was_logged(monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT", 2.0**17)
    _, batches = recorded()
    written, usage = (of(batches, name, replica="db-0") for name in ("disk_written", "disk_usage"))
    requests = of(batches, "request_rate", replica="db-0").sum()
    logged = (usage[-1] - 50) / 100 * 2**22 / disks.KEPT
    at, pages = told_of_checkpoints(batches)
    flushed = checkpoints.PAGE * pages.sum()
    assert len(pages) == logged // 2**17 >= 2
    assert written.sum() == pytest.approx(disks.LINE * requests + logged + flushed, rel=0.01)
    assert all(written[int(time - pages * 0.0004)] > 8192 * pages for time, pages in zip(at, pages, strict=True))


def test_what_pods_log_differs_from_line_to_line(quiet):
    """If it were proportional to requests, one series would duplicate another."""
    written, requests = (of(quiet, name, replica="web-0") for name in ("disk_written", "request_rate"))
    each = written[requests > 0] / requests[requests > 0]
    assert each.mean() == pytest.approx(disks.LINE, rel=0.1)
    assert 0.01 < each.std() / each.mean() < 0.3


def test_lines_of_checkpoints_depend_neither_on_batches_nor_on_how_often_metrics_are_sampled(monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINT", 2.0**17)
    one, other = recorded()[1], recorded(interval=7.0, batch=300)[1]
    assert len(other) > len(one)
    assert [each.to_list() for each in told_of_checkpoints(one)] == [
        each.to_list() for each in told_of_checkpoints(other)
    ]


def test_a_volume_fills_with_what_statements_leave_and_only_databases_have_one(quiet):
    usage = of(quiet, "disk_usage")
    assert (np.diff(usage) >= 0).all()
    assert 50 < usage[-1] < 70
    assert len(usage) == 20


def test_the_files_of_logs_grow_by_their_lines_and_shrink_when_one_is_rotated(monkeypatch):
    monkeypatch.setattr(disks, "LOG_FILE", 2.0**15)
    _, batches = recorded()
    used = of(batches, "node_disk_used", replica="node-1") - disks.SYSTEM
    assert (np.diff(used) > 0).sum() > 10
    assert (np.diff(used) < 0).any()
    pods = of(batches, "node_pods", replica="node-1")[0]
    assert (used >= 4 * 2**15 * pods).all() and (used < 5 * 2**15 * pods).all()


# -- runtimes ---------------------------------------------------------------------------------------------------------


def test_garbage_is_collected_whenever_it_reaches_its_mark(quiet):
    """Requests leave 1 MiB each, so every sixteenth triggers a collection where the threshold is 16 MiB."""
    collections = of(quiet, "gc_collections", service="web").sum()
    requests = [of(quiet, "request_rate", replica=f"web-{index}").sum() for index in (0, 1)]
    assert collections == sum(count // 16 for count in requests) > 30
    # Without `collections` in an environment they take no time.
    assert not of(quiet, "gc_time", service="web").any()


def test_a_pause_is_time_of_the_collector():
    _, batches = recorded("{pause: {target: web, at: 5s, for: 10s, length: 500ms, every: 1s}}")
    time = of(batches, "gc_time", replica="web-0")
    assert time[6:14].mean() == pytest.approx(50, abs=5)
    assert time[:4].max() < 10


def test_only_where_one_thread_runs_all_is_there_a_loop_that_lags(quiet):
    frame = pl.concat([batch.metrics for batch in quiet])
    of_metric = {name: set(frame.filter(metric=name)["service"]) for name in ("event_loop_lag", "threads", "heap_used")}
    assert of_metric == {"event_loop_lag": {"app"}, "threads": {"web"}, "heap_used": {"web", "app"}}
    # 40 requests of 8 ms a second: by Pollaczek and Khinchine, 40 * 8^2 / 2 / .68 / 1000 ms.
    assert of(quiet, "event_loop_lag").mean() == pytest.approx(1.88, rel=0.25)
    _, batches = recorded("{slow: {target: app, at: 5s, for: 5s, factor: 4}}")
    lag = of(batches, "event_loop_lag", replica="app-0")
    assert lag[9] > 100 > lag[:5].max()


# -- pods and nodes ---------------------------------------------------------------------------------------------------


def test_a_node_has_in_use_what_its_pods_have(quiet):
    frame = pl.concat([batch.metrics for batch in quiet])
    nodes = frame.filter(service="node-exporter")
    cpu = frame.filter(pl.col("replica").is_not_null(), metric="cpu_usage").with_columns(
        cores=pl.col("value") / 100 * pl.col("service").replace_strict({"web": 2, "app": 1, "db": 2})
    )
    for name, of_pods, value in (("node_cpu", cpu, "cores"), ("node_pods", cpu, None)):
        whole = nodes.filter(metric=name).group_by("timestamp").agg(pl.sum("value")).sort("timestamp")["value"]
        amount = pl.len().cast(pl.Float64) if value is None else pl.sum(value)
        parts = of_pods.group_by("timestamp").agg(amount.alias("value")).sort("timestamp")["value"]
        assert np.allclose(whole, parts, atol=0.005)
    assert set(nodes.filter(metric="node_pods")["value"]) == {2.0}
    memory = frame.filter(metric="memory_usage", replica="db-0")["value"] / 100 * 512 * 2**20
    # web-0 and app-0 are on the first node, web-1 and db-0 on the second.
    web = frame.filter(metric="memory_usage", replica="web-1")["value"] / 100 * 64 * 2**20
    assert np.allclose(nodes.filter(metric="node_memory", replica="node-2")["value"], memory + web, rtol=1e-4)


RESTARTS = ("{stop: {target: 'web[0]', at: 5s, for: 2s}}", "{restart: {target: 'db[0]', at: 12s}}")


@pytest.fixture(scope="module")
def restarted():
    return recorded(*RESTARTS, seconds=25)


def test_restarts_are_those_that_events_tell_of_and_a_pod_that_is_down_is_not_ready(restarted):
    _, batches = restarted
    events = pl.concat([batch.events for batch in batches]).filter(type="restart")
    last = pl.concat([batch.metrics for batch in batches]).filter(metric="pod_restarts").group_by("replica").agg(
        pl.col("value").last()
    )  # fmt: skip
    assert {name: count for name, count in last.iter_rows() if count} == Counter(events["replica"])
    assert Counter(events["replica"]) == {"web-0": 1, "db-0": 1}
    ready = of(batches, "pod_ready", replica="web-0")
    assert ready[4] == 1 and ready[6] == 0 and ready[-1] == 1


def test_a_process_that_starts_measures_as_an_idle_one_without_sockets(restarted):
    """web-0 is down from 5 s to 7 s, and starts from then until 10 s: memory, heap, threads and descriptors."""
    _, batches = restarted
    values = {name: of(batches, name, replica="web-0") for name in ("memory_usage", "threads", "open_descriptors")}
    assert [values[name][7] for name in values] == [30, 22, 24]
    assert [values[name][5] for name in values] == [0, 0, 0]
    assert of(batches, "heap_used", replica="web-0")[7] == pytest.approx(0.15 * 64 * 2**20)


def test_counters_begin_again_with_their_process_and_those_of_services_and_pods_do_not(restarted):
    simulation, batches = restarted
    samples = Samples(context.of(simulation))
    counted = pl.concat([samples.take(batch) for batch in batches])

    def values(name, **where):
        return counted.filter(name=name, **where)["value"].to_numpy()

    requests = values("mesh_replica_requests_total", replica="web-0")
    falls = np.flatnonzero(np.diff(requests) < 0)
    assert len(falls) == 1 and requests[falls[0] + 1] == 0
    assert requests[-1] == of(batches, "request_rate", replica="web-0")[falls[0] + 1 :].sum()
    began = counted.filter(name="mesh_replica_requests_total", replica="web-0")["began"]
    assert began[: falls[0] + 1].is_null().all() and began[falls[0] + 1 :].n_unique() == 1
    assert (np.diff(values("mesh_service_requests_total", service="web")) >= 0).all()
    assert (np.diff(values("mesh_replica_network_sent_bytes_total", replica="web-0")) >= 0).all()
    assert values("mesh_replica_pod_restarts_total", replica="web-0")[-1] == 1
