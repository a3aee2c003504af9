"""The particulars of a request are the same wherever it appears, and in every run of a seed."""

from ipaddress import ip_address, ip_network

import numpy as np
import polars as pl
import pytest

from meshquake.faults.scenario import Scenario
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.requests.operation_words import OperationWords
from meshquake.sim.telemetry.requests.particulars import (
    _PRODUCT_IDS,
    _USER_IDS,
    PARTICULARS,
    PEOPLE,
    PRODUCTS,
    Particulars,
)
from meshquake.sim.telemetry.spans.spans import spans_of, trace_words
from meshquake.topology.loader import parse

MESH = """
name: shop
services:
  web: {kind: gateway, replicas: 2, operations: {get_order: {calls: [orders.get]}, browse: {calls: [orders.list]}}}
  orders:
    operations:
      get: {work: 1ms, calls: [cache.get: {hit_rate: 50%, on_miss: [db.select]}]}
      list: {work: 1ms, calls: [db.select]}
  cache: {kind: cache, operations: {get: {work: 1ms}}}
  db: {kind: database, operations: {select: {work: 1ms}}}
workload:
  mix: {web.browse: 1, web.get_order: 1}
  populations:
    anyone: {rate: 30/s, mix: {web.browse: 1, web.get_order: 1}}
    regulars: {users: 9, think_time: 1s, mix: {web.browse: 1, web.get_order: 1}}
"""
DOCUMENTATION = [ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
#: Particulars of a call, a service or a process rather than of a request.
OF_CALLS = {
    "method",
    "route",
    "path",
    "statement",
    "key",
    "rows",
    "matches",
    "bytes",
    "worker",
    "pod",
    "pod_address",
    "node",
}


def played(seed=1, length=20.0):
    """Return the particulars of a run, its spans, and the trace of each."""
    topology = parse(MESH, "shop").topology
    run = Simulation(Scenario(name="quiet", duration=length, lead_in=0.0, recovery=0.0, seed=seed), topology)
    cuts = list(run.cuts())
    tables = run.recorder._tables
    tables.refresh(cuts[-1].incarnations)
    spans = spans_of(b"".join(cut.rows for cut in cuts))
    return Particulars(tables, topology, seed), spans, trace_words(tables, spans.site, spans.number)[1]


def told(particulars, spans):
    """Return the particulars of some spans, one column each."""
    about = particulars.about(spans)
    return pl.select(**{name: about[name] for name in PARTICULARS})


@pytest.fixture(scope="module")
def run():
    return played()


def test_a_request_is_about_the_same_along_its_whole_trace(run):
    particulars, spans, trace = run
    whole = told(particulars, spans).with_columns(trace=trace).group_by("trace").n_unique()
    assert len(whole) > 200
    for name in set(PARTICULARS) - OF_CALLS:
        assert (whole[name] == 1).all(), name


def test_both_halves_of_a_call_tell_the_same_rows_and_bytes(run):
    particulars, spans, trace = run
    calls = told(particulars, spans).with_columns(trace=trace, site=spans.site, attempt=spans.attempt_path)
    alike = calls.group_by("trace", "site", "attempt").n_unique().select("rows", "bytes", "key", "path")
    assert (alike == 1).to_numpy().all()


def test_a_listing_returns_as_many_as_its_query(run):
    particulars, spans, trace = run
    listings = told(particulars, spans).with_columns(trace=trace).filter(pl.col("rows") > 1)
    assert len(listings) > 100
    assert (listings.group_by("trace").n_unique().select("rows", "matches") == 1).to_numpy().all()


def test_what_a_span_is_about_depends_on_no_other_span(run):
    particulars, spans, _ = run
    some = np.arange(0, len(spans), 7)
    assert told(particulars, spans)[some].equals(told(particulars, spans.where(some)))


def test_the_same_seed_tells_the_same_and_another_something_else(run):
    particulars, spans, _ = run
    again, their_spans, _ = played(length=5.0)
    few = np.flatnonzero(spans.end < 4_000_000)
    first = told(particulars, spans.where(few)).unique()
    assert first.join(told(again, their_spans).unique(), on=first.columns, how="anti").is_empty()
    other, other_spans, _ = played(seed=2, length=5.0)
    assert first.join(told(other, other_spans), on=["user_id", "session_id"]).is_empty()


def test_a_user_has_one_tier_and_cart_and_currency_and_few_devices_each_with_an_address_and_an_agent(run):
    particulars, spans, _ = run
    of_users = told(particulars, spans).group_by("user_id").n_unique()
    assert (of_users.select("user_tier", "cart_id", "currency") == 1).to_numpy().all()
    assert of_users["session_id"].max() == 2
    devices = told(particulars, spans).group_by("session_id").n_unique()
    assert (devices.select("user_id", "client_address", "user_agent") == 1).to_numpy().all()


def test_users_who_take_turns_are_one_person_each(run):
    particulars, spans, _ = run
    turns = spans.where(spans.number >= 2**62)
    assert told(particulars, turns)["user_id"].n_unique() == 9


def test_some_users_and_products_come_again_and_again_and_most_hardly_ever():
    """Shares follow a power law: the first of N ranks has N^(s-1) of all, with exponents of .6 and .65."""
    particulars, spans, _ = played(length=60.0)
    roots = told(particulars, spans.where((particulars.tables.site_parent[spans.site] < 0) & (spans.number < 2**62)))
    first = PEOPLE ** (0.6 - 1), PRODUCTS ** (0.65 - 1)
    for name, share in zip(("user_id", "product_id"), first, strict=True):
        counts = roots[name].value_counts(sort=True)["count"]
        assert abs(counts[0] / len(roots) - share) < 4 * (share / len(roots)) ** 0.5
        assert counts.median() <= 2


def test_no_two_users_and_no_two_products_have_one_number():
    for ranks, ids in ((PEOPLE, _USER_IDS), (PRODUCTS, _PRODUCT_IDS)):
        assert len(np.unique(np.arange(ranks, dtype=np.uint64) * np.uint64(7919) % np.uint64(ids))) == ranks


def test_every_address_is_of_a_range_for_documentation(run):
    particulars, spans, _ = run
    whole = told(particulars, spans)
    addresses = {*whole["client_address"].unique(), *whole["pod_address"].drop_nulls().unique()}
    assert len({ip_address(each).version for each in addresses}) == 2
    assert all(any(ip_address(each) in net for net in DOCUMENTATION) for each in addresses)


def test_a_path_is_its_route_with_a_number_of_the_request(run):
    particulars, spans, _ = run
    asked = told(particulars, spans).filter(route="/orders/{order_id}")
    assert len(asked) > 100
    assert (asked["path"] == "/orders/" + asked["order_id"]).all()


def test_a_path_has_its_number_at_each_place_for_one():
    mesh = MESH.replace("get_order: {calls", "get_order: {route: 'GET /users/{id}/orders/:order', calls")
    topology = parse(mesh, "shop").topology
    run = Simulation(Scenario(name="quiet", duration=2.0, lead_in=0.0, recovery=0.0, seed=1), topology)
    cuts = list(run.cuts())
    tables = run.recorder._tables
    tables.refresh(cuts[-1].incarnations)
    spans = spans_of(b"".join(cut.rows for cut in cuts))
    asked = told(Particulars(tables, topology, 1), spans).filter(route="/users/{order_id}/orders/{order_id}")
    assert len(asked) > 10
    assert (asked["path"] == "/users/" + asked["order_id"] + "/orders/" + asked["order_id"]).all()


def test_a_statement_says_what_the_operation_that_asks_is_about(run):
    particulars, spans, _ = run
    said = set(told(particulars, spans)["statement"])
    assert {"GET order:?", "SELECT * FROM orders WHERE id = $1"} <= said
    assert "SELECT id, status, updated_at FROM orders WHERE user_id = $1 ORDER BY updated_at DESC LIMIT 50" in said


@pytest.mark.parametrize(
    ("service", "operation", "said"),
    [
        ("api-gateway", "browse", "GET /browse"),
        ("api-gateway", "get_user", "GET /users/{user_id}"),
        ("api-gateway", "checkout", "POST /checkout"),
        ("payment-service", "charge", "POST /payments/{order_id}/charge"),
        ("cart", "EmptyCart", "DELETE /carts/{cart_id}"),
        ("inventory-service", "check", "POST /inventory/{product_id}/check"),
        ("ts-travel-service", "queryInfo", "GET /travels"),
    ],
)
def test_routes_are_what_one_would_call_operations_of_these_names(service, operation, said):
    words = OperationWords(service, operation)
    assert f"{words.method} {words.route}" == said


def test_a_route_that_a_topology_says_is_the_route():
    words = OperationWords("images", "get", "GET /products/{picture}")
    assert (words.method, words.route) == ("GET", "/products/{product_id}")
