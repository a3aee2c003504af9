"""Series are identified by name, and replicas may come and go while metrics are sampled."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from meshquake.faults.scenario import Scenario
from meshquake.sim.engine.replica import Replica
from meshquake.sim.lifecycle.process import end
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse

QUIET = Scenario(name="quiet", duration=20.0, lead_in=0.0, recovery=0.0)
MESH = """
name: scaled
services:
  web: {workers: 8, replicas: 2, operations: {home: {work: 5ms, calls: [db.get]}}}
  db: {kind: database, workers: 8, operations: {get: {work: 10ms}}}
edges:
  web -> db: {pool: {size: 4}, breaker: {}}
workload: {rate: 60/s, mix: {web.home: 1}}
"""


def join(mesh, service, index):
    """Let the replica of that index take calls from now on."""
    (deployment,) = service.deployments
    replica = Replica(deployment, index, len(mesh.replicas))
    mesh.replicas.append(replica)
    mesh.incarnate(replica)
    mesh.connect(replica, warm=True)
    deployment.replicas.append(replica)
    service.replicas.append(replica)
    service.refresh()


def leave(mesh, service, index):
    """Remove the replica of that index, with the calls in progress there."""
    replica = next(each for each in service.replicas if each.index == index)
    replica.deployment.replicas.remove(replica)
    service.replicas.remove(replica)
    service.refresh()
    end(mesh, replica)


def scale(mesh):
    """Add a third replica; remove the first; add another one under its name; remove the third."""
    web = mesh.services["web"]
    yield mesh.timeout(4.5)
    join(mesh, web, 2)
    yield mesh.timeout(4.0)
    leave(mesh, web, 0)
    yield mesh.timeout(4.0)
    join(mesh, web, 0)
    yield mesh.timeout(4.0)
    leave(mesh, web, 2)


def play(**options):
    simulation = Simulation(replace(QUIET, seed=3), parse(MESH, "scaled").topology, **options)
    simulation.mesh.env.process(scale(simulation.mesh))
    batches = list(simulation.batches())
    metrics, traces = (pl.concat([batch.frame(kind) for batch in batches]) for kind in ("metrics", "traces"))
    second = pl.col("timestamp").str.slice(17, 2).cast(pl.Int64) + 60 * (
        pl.col("timestamp").str.slice(14, 2).cast(pl.Int64) - 30
    )
    return metrics.with_columns(at=second), traces


@pytest.fixture(scope="module")
def run():
    return play()


def seconds(metrics, metric, replica, target=None):
    """Return the ends of the intervals in which a replica has samples of a metric."""
    found = metrics.filter(pl.col("target").eq_missing(pl.lit(target)), metric=metric, replica=replica)
    return found["at"].to_list()


@pytest.mark.parametrize("metric", ["cpu_usage", "queue_depth", "pool_in_use", "circuit_breaker_state"])
def test_what_is_read_of_a_replica_begins_and_ends_with_it(run, metric):
    metrics, _ = run
    target = "db" if metric in ("pool_in_use", "circuit_breaker_state") else None
    assert seconds(metrics, metric, "web-0", target) == [*range(1, 9), *range(13, 21)]
    assert seconds(metrics, metric, "web-1", target) == list(range(1, 21))
    assert seconds(metrics, metric, "web-2", target) == list(range(5, 17))


def test_what_is_counted_of_a_replica_has_its_last_interval_too(run):
    metrics, _ = run
    assert seconds(metrics, "request_rate", "web-0") == [*range(1, 10), *range(13, 21)]
    assert seconds(metrics, "request_rate", "web-2") == list(range(5, 18))


def test_figures_of_a_service_are_those_of_the_replicas_that_it_had(run):
    metrics, traces = run
    own = metrics.filter(pl.col("target").is_null(), service="web")
    replicas = own.drop_nulls("replica").group_by("at", "metric", maintain_order=True)
    for metric, figure in {"request_rate": pl.sum, "active_requests": pl.sum, "cpu_usage": pl.mean}.items():
        expected = replicas.agg(figure("value")).filter(metric=metric)
        found = own.filter(pl.col("replica").is_null(), metric=metric).select("at", "metric", "value")
        assert_frame_equal(found, expected, check_exact=False, abs_tol=0.002)
    spans = traces.filter(kind="server", service="web")
    counted = own.filter(pl.col("replica").is_null(), metric="request_rate")["value"].sum()
    assert len(spans) - 5 <= counted <= len(spans)  # some end after the recording


def test_who_comes_under_the_name_of_one_who_went_continues_its_series_from_nothing(run):
    """Workers were held only while it had requests, and it counts none of its predecessor's."""
    metrics, traces = run
    later = metrics.filter(pl.col("at") > 12, pl.col("target").is_null(), replica="web-0")
    held = later.filter(metric="worker_utilization")["value"].sum() / 100 * 8
    spans = traces.filter(pl.col("timestamp") > "2024-01-15T10:30:12", kind="server", replica="web-0")
    assert held == pytest.approx(spans["duration_ms"].sum() / 1000, rel=0.05) != 0


def test_samples_of_an_interval_stand_in_the_order_of_the_mesh_whoever_came_when(run):
    metrics, _ = run
    for _, interval in metrics.filter(metric="cpu_usage").group_by("at"):
        found = interval["replica"].drop_nulls().to_list()
        assert found == [each for each in ("web-0", "web-1", "web-2", "db-0") if each in found]


def test_records_do_not_depend_on_how_many_are_made_at_a_time(run):
    metrics, _ = run
    assert metrics.equals(play(batch=1)[0])
    assert metrics.equals(play(batch=1_000_000)[0])
