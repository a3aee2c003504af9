"""Span attributes carry the same particulars of requests as log lines, each on the span it belongs to."""

import json
from dataclasses import replace

import polars as pl
import pytest
from recording import record
from stage import Stage

from meshquake.faults.scenario import Scenario
from meshquake.sim.simulation import DEFAULT_START
from meshquake.sim.telemetry.recorder import Recorder
from meshquake.topology.loader import parse

SHOP = """
name: shop
defaults: {edge: {latency: 1ms}}
services:
  web: {kind: gateway, stack: nodejs/express, operations: {order: {work: 1ms, calls: [order-service.create]}}}
  order-service:
    stack: java/spring-boot
    workers: 1
    operations: {create: {work: 10ms, calls: [sessions.get, db.insert, db.list-all, plain.ask]}}
  sessions: {kind: cache, stack: redis, operations: {get: {work: 1ms}}}
  db:
    kind: database
    stack: postgresql
    operations: {insert: {work: 6ms}, list-all: {statement: 'SELECT "id" FROM orders WHERE user_id = $1'}}
  plain: {operations: {ask: {work: 1ms}}}
workload: {rate: 30/s, mix: {web.order: 1}}
"""
QUIET = Scenario(name="quiet", duration=4.0, lead_in=0.0, recovery=0.0, seed=1)


@pytest.fixture(scope="module")
def frame():
    return told(record(QUIET, parse(SHOP, "shop").topology).traces)


def told(frame):
    """Return spans with their attributes as a dict, and the attribute keys."""
    values = [json.loads(text) if text else {} for text in frame["attributes"]]
    return frame.with_columns(
        values=pl.Series(values, dtype=pl.Object), keys=pl.Series([" ".join(sorted(each)) for each in values])
    )


def values(frame, key, **which):
    return [each.get(key) for each in frame.filter(**which)["values"]]


CATALOG = """
name: shop
services:
  web: {kind: gateway, stack: nodejs/express, operations: {browse: {calls: [product-service.list]}}}
  product-service: {stack: java/spring-boot, operations: {list: {work: 1ms, calls: [db.select]}}}
  db: {kind: database, stack: postgresql, operations: {select: {work: 1ms}}}
workload: {rate: 30/s, mix: {web.browse: 1}}
"""


def test_a_statement_has_a_parameter_if_it_has_a_place_for_one(frame):
    catalog = told(record(QUIET, parse(CATALOG, "shop").topology).traces)
    for spans, places in ((frame, True), (catalog, False)):
        asked = [each for each in spans.filter(kind="client")["values"] if "db.query.text" in each]
        assert len(asked) > 50
        for each in asked:
            assert ("$1" in each["db.query.text"] or "?" in each["db.query.text"]) == places
            assert bool(each.get("db.query.parameter.0")) == places


def test_each_span_tells_what_belongs_to_it(frame):
    keys = {
        (
            "web.order",
            "server",
        ): "client.address session.id url.path user.id user.tier user_agent.original",
        ("order-service.create", "client"): "network.peer.address url.full",
        ("sessions.get", "client"): "db.query.parameter.0 db.query.text network.peer.address",
        ("sessions.get", "server"): "db.query.text",
        ("db.insert", "client"): "db.query.parameter.0 db.query.text network.peer.address",
        ("db.insert", "server"): "db.query.text",
        ("db.list-all", "client"): "db.query.parameter.0 db.query.text db.response.returned_rows network.peer.address",
        ("db.list-all", "server"): "db.query.text",
        ("plain.ask", "client"): "network.peer.address",
        ("plain.ask", "server"): "",
    }
    found = frame.filter(pl.col("kind") != "internal").group_by("operation", "kind").agg(pl.col("keys").unique())
    rows = {(operation, kind): set(each) for operation, kind, each in found.iter_rows()}
    waited = {"thread.name url.path user.id", "mesh.queue_wait_us thread.name url.path user.id"}
    assert rows.pop(("order-service.create", "server")) == waited
    assert rows == {key: {each} for key, each in keys.items()}
    assert set(frame.filter(kind="internal")["keys"]) == {""}


def test_both_halves_of_a_call_by_http_have_the_same_path():
    mesh = SHOP.replace("calls: [order-service.create]", "calls: [order-service.get]").replace("{create:", "{get:")
    frame = told(record(QUIET, parse(mesh, "shop").topology).traces).filter(operation="order-service.get")
    asked = frame.filter(kind="client").select("span_id", url=pl.Series(values(frame, "url.full", kind="client")))
    served = frame.filter(kind="server").select(
        "parent_span_id", path=pl.Series(values(frame, "url.path", kind="server"))
    )
    pairs = asked.join(served, left_on="span_id", right_on="parent_span_id")
    assert len(pairs) > 50 and pairs["path"].n_unique() == len(pairs)
    assert (pairs["url"] == "http://order-service" + pairs["path"]).all()
    assert pairs["path"].str.contains(r"^/orders/\d{8}$").all()


def test_a_user_is_the_same_along_a_trace_and_has_one_tier(frame):
    users = {}
    for trace, each in frame.select("trace_id", "values").rows():
        if "user.id" in each:
            users.setdefault(trace, set()).add(each["user.id"])
    assert len(users) > 50 and all(len(each) == 1 for each in users.values())
    tiers = {}
    for each in frame.filter(operation="web.order")["values"]:
        tiers.setdefault(each["user.id"], set()).add(each["user.tier"])
    assert all(len(each) == 1 for each in tiers.values()) and len(set.union(*tiers.values())) == 3


def test_objects_are_compact_and_an_error_has_no_rows(frame):
    texts = frame["attributes"].drop_nulls()
    assert all(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) == text for text in texts)
    failing = SHOP.replace("list-all: {statement", "list-all: {error_rate: 100%, statement")
    failed = told(record(QUIET, parse(failing, "shop").topology).traces).filter(operation="db.list-all", kind="client")
    assert len(failed) and set(values(failed, "db.response.returned_rows")) == {None}


def test_a_call_tells_where_it_went(frame):
    went = frame.filter(kind="client").with_columns(
        address=pl.Series(values(frame, "network.peer.address", kind="client"))
    )
    served = frame.filter(kind="server").select("parent_span_id", to="replica")
    pairs = went.join(served, left_on="span_id", right_on="parent_span_id").select("address", "to").unique()
    assert len(pairs) == pairs["address"].n_unique() == pairs["to"].n_unique() == 4
    assert pairs["address"].str.starts_with("192.0.2.").all()


def test_the_wait_that_is_told_is_the_span_of_it():
    stage = Stage(SHOP)
    recorder = Recorder(stage.mesh, DEFAULT_START, 10**9)
    stage.request(0, 1)
    stage.mesh.env.advance(1)
    spans = told(recorder.batch(recorder.cut(last=True)).traces)
    waits = values(spans, "mesh.queue_wait_us", operation="order-service.create", kind="server")
    queue = spans.filter(operation="order-service.http-nio-8080-exec queue")
    assert waits == [None, round(queue["duration_ms"].item() * 1000)]


def test_who_is_not_to_tell_tells_nothing_and_all_else_is_the_same(frame):
    topology = parse(SHOP, "shop").topology
    silent = replace(topology, services=tuple(replace(each, span_attributes=False) for each in topology.services))
    spans = record(QUIET, silent).traces
    assert spans["attributes"].null_count() == len(spans)
    rest = pl.exclude("attributes", "values", "keys")
    assert spans.select(rest).equals(frame.select(rest))
