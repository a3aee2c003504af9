"""Answers about the request itself (429, 499) are failures for the client, but no errors of the server."""

import polars as pl
import pytest
from recording import record

from meshquake.exporters.formats.openrca import _requests
from meshquake.exporters.formats.rcaeval import measures
from meshquake.exporters.formats.semconv import Conventions
from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.sim.summary import Summary
from meshquake.topology.errors import ERRORS
from meshquake.topology.loader import parse as parse_mesh

MESH = parse_mesh(
    """
name: answers
services:
  web: {kind: gateway, workers: 300, operations: {home: {calls: [app.get]}}}
  app: {workers: 100, operations: {get: {calls: [api.get, db.get]}}}
  api: {rate_limit: {max_tokens: 40, tokens_per_fill: 40, fill_interval: 1s}, operations: {get: {work: 1ms}}}
  db: {kind: database, workers: 100, cpu: 100, operations: {get: {work: {exponential: 10ms}}}}
edges:
  app -> api: {retry: none}
  app -> db: {timeout: 200ms, retry: none, cancellation: true}
workload: {rate: 20/s, mix: {web.home: 1}}
""",
    "mesh.yaml",
)


SLOW = "slow: {target: db, factor: 100}"
SURGE = "surge: {target: users, factor: 4}"


def scenario(*faults):
    options = Options(lead_in=5.0, duration=10.0, recovery=0.0, seed=3)
    text = f"name: x\nconfounders: none\nfaults: [{', '.join(f'{{{fault}}}' for fault in faults)}]\n"
    return parse(text, "x.yaml", options, mesh=MESH).scenario


@pytest.fixture(scope="module")
def mesh():
    return MESH.topology


@pytest.fixture(scope="module")
def run(mesh):
    """Return a run with more users than the limit admits, and a database that is slow for those it does admit."""
    return record(scenario(SLOW, SURGE), mesh)


def counted(run, service, metric):
    """Return the number of requests that a rate, or a share of all requests, adds up to."""
    values = run.metric(service, metric)["value"]
    if metric == "error_rate":
        values = values / 100 * run.metric(service, "request_rate")["value"]
    return round(values.sum())


def ended(run, service, *errors):
    """Return server spans of a service that ended within the samples, with some of these errors."""
    last = run.metrics["at"].max()
    return len(run.handled(service).filter(pl.col("end") < last, pl.col("error_type").is_in(errors)))


@pytest.mark.parametrize(
    ("service", "metric", "error"),
    [("api", "rate_limited_rate", "rate_limited"), ("db", "cancelled_rate", "cancelled")],
)
def test_each_is_counted_by_itself_and_not_among_the_errors_of_who_gives_it(run, service, metric, error):
    assert counted(run, service, metric) == ended(run, service, error) > 20
    assert counted(run, service, "error_rate") == 0 == ended(run, service, *set(ERRORS) - {error})
    assert counted(run, "app", "error_rate") == ended(run, "app", "dependency_failed") > 20


def test_a_service_has_their_metrics_where_it_may_give_them_and_zeros_count(run):
    told = run.metrics.filter(pl.col("metric").is_in(["rate_limited_rate", "cancelled_rate"]))
    assert set(told.select("service", "metric").unique().rows()) == {
        ("api", "rate_limited_rate"),
        ("db", "cancelled_rate"),
    }
    assert len(run.metric("api", "rate_limited_rate")) == 15 and not run.metric("db", "cancelled_rate")["value"][0]


def test_where_a_fault_answers_so_there_are_samples_of_what_there_is(mesh):
    run = record(scenario("fail: {target: web, share: 50%, error: rate_limited}"), mesh)
    limited = run.metric("web", "rate_limited_rate")
    assert 0 < len(limited) <= 11 and limited["value"].min() > 0
    assert counted(run, "web", "rate_limited_rate") == ended(run, "web", "rate_limited")


@pytest.mark.parametrize(("fault", "asked"), [(SURGE, "api"), (SLOW, "db")], ids=["limited", "cancelled"])
def test_who_asked_is_hit_by_errors_and_who_limits_or_was_told_to_stop_is_not(fault, asked, mesh):
    simulation = Simulation(scenario(fault), mesh)
    summary = Summary(simulation.scenario, DEFAULT_START)
    for batch in simulation.batches():
        summary.take(batch)
    summary.finish()
    signs = {hit.service: hit.sign for hit in summary.hits}
    assert {"web", "app"} <= set(signs) and "errors" not in signs.get(asked, "")


def test_the_status_of_their_spans_is_unset_for_a_server_and_an_error_for_a_client(run, mesh):
    """OpenTelemetry's conventions for HTTP and for RPC, whose status codes are those of gRPC."""
    conventions = Conventions(mesh)
    spans = run.traces.filter(pl.col("error_type").is_in(["rate_limited", "cancelled"]))
    found = {(span["error_type"], span["kind"]): conventions.describe(span) for span in spans.to_dicts()}
    assert {key: each.failed for key, each in found.items()} == {
        ("rate_limited", "server"): False,
        ("rate_limited", "client"): True,
        ("cancelled", "server"): False,
    }
    limited = found["rate_limited", "server"].attributes
    assert limited["rpc.response.status_code"] == "RESOURCE_EXHAUSTED" and "error.type" not in limited


@pytest.mark.parametrize("service", ["api", "db"])
def test_the_tables_of_other_tools_have_no_errors_of_these_services(service, run):
    ended = run.traces.with_columns(pl.col("at") // 1_000_000 * 1_000_000)
    rates = {of: _requests(ended).filter(service=of)["sr"].min() for of in (service, "app")}
    assert rates[service] == 100.0 > rates["app"]
    rows = measures(run.metrics, dict.fromkeys(["web", "app", "api", "db"], 1.0))
    assert rows.filter(service=service)["error"].sum() == 0.0 < rows.filter(service="app")["error"].sum()


def test_load_that_is_shed_is_an_error_of_who_sheds_it():
    """503 says that the server cannot: HTTP counts it as a server error, and so do alerts on availability."""
    assert not any(ERRORS[name].of_request for name in ("shed", "overloaded", "unavailable", "unfinished", "timeout"))
    assert [name for name, error in ERRORS.items() if error.of_request] == ["cancelled", "rate_limited"]
