"""OpenTelemetry's semantic conventions for spans, case by case."""

import json

import polars as pl
import pytest

from meshquake.exporters.formats.semconv import Conventions, resource
from meshquake.topology.errors import ERRORS
from meshquake.topology.loader import parse

MESH = """
name: small
services:
  gate: {kind: gateway, operations: {page: {route: "POST /page/{id}", calls: [shop.buy, Shop_Two.Get]}, home: {}}}
  shop: {operations: {buy: {calls: [bank.pay, store.insert, quick.get, store.read, quick.read]}}}
  Shop_Two: {display_name: acme.Shop, operations: {Get: {}, "GET /x": {rpc: acme.Shop/Get}}}
  bank: {kind: external, operations: {pay: {route: POST /pay}}}
  store:
    kind: database
    operations: {insert: {}, read: {statement: "select id from shop.orders where id = ?"}}
  quick: {kind: cache, system: memcached, operations: {get: {}, read: {command: get cart}}}
workload: {rate: 1/s, mix: {gate.page: 1}}
"""


@pytest.fixture(scope="module")
def conventions():
    return Conventions(parse(MESH, "small.yaml").topology)


def span(service, operation, kind, peer, error=None, status=None, attempt=1):
    return {
        "service": service,
        "operation": f"{service if kind == 'server' else peer}.{operation}",
        "kind": kind,
        "peer": peer,
        "error_type": error,
        "status": "error" if error else "success",
        "status_code": status or (ERRORS[error].status if error else 200),
        "attempt": attempt,
    }


def test_a_user_is_answered_by_http(conventions):
    found = conventions.describe(span("gate", "page", "server", None, "internal"))
    assert (found.name, found.kind, found.failed) == ("POST /page/{id}", 2, True)
    assert found.metric == "http.server.request.duration"
    assert found.attributes == {
        "http.request.method": "POST",
        "server.address": "gate",
        "url.scheme": "http",
        "http.route": "/page/{id}",
        "url.path": "/page/REDACTED",
        "http.response.status_code": 500,
        "error.type": "internal",
    }


def test_what_a_span_says_of_its_path_is_kept(conventions):
    """The place of an id is filled in only where the record doesn't say which id."""
    asked = {"told_keys": "user.id url.path", "told_query": None}
    found = conventions.describe(span("gate", "page", "server", None) | asked)
    assert "url.path" not in found.attributes and found.attributes["http.route"] == "/page/{id}"


def test_a_service_that_is_not_of_the_mesh_is_asked_by_http_and_counts_resends(conventions):
    found = conventions.describe(span("shop", "pay", "client", "bank", "unavailable", attempt=3))
    assert (found.name, found.kind, found.failed) == ("POST /pay", 3, True)
    assert found.metric == "http.client.request.duration"
    assert found.attributes == {
        "http.request.method": "POST",
        "server.address": "bank",
        "url.scheme": "http",
        "server.port": 80,
        "url.full": "http://bank/pay",
        "url.template": "/pay",
        "http.request.resend_count": 2,
        "http.response.status_code": 503,
        "error.type": "unavailable",
        "mesh.attempt": 3,
    }


def test_who_got_no_answer_has_no_status_of_one(conventions):
    found = conventions.describe(span("shop", "pay", "client", "bank", "timeout"))
    assert "http.response.status_code" not in found.attributes and found.attributes["error.type"] == "timeout"


def test_services_ask_each_other_by_grpc(conventions):
    asked = conventions.describe(span("gate", "buy", "client", "shop", "timeout"))
    answered = conventions.describe(span("shop", "buy", "server", "gate"))
    assert (asked.name, asked.metric) == ("shop/buy", "rpc.client.call.duration")
    assert (answered.name, answered.metric) == ("shop/buy", "rpc.server.call.duration")
    both = {"rpc.system.name": "grpc", "rpc.method": "shop/buy", "server.address": "shop"}
    assert asked.attributes == both | {"rpc.response.status_code": "DEADLINE_EXCEEDED", "error.type": "timeout"}
    assert answered.attributes == both | {"rpc.response.status_code": "OK", "client.address": "gate"}


@pytest.mark.parametrize(
    ("store", "operation", "system"), [("store", "insert", "postgresql"), ("quick", "get", "memcached")]
)
def test_databases_and_caches_are_asked_as_such(store, operation, system, conventions):
    asked = conventions.describe(span("shop", operation, "client", store))
    inside = conventions.describe(span(store, operation, "server", "shop"))
    said = {"db.system.name": system, "db.operation.name": operation, "server.address": store}
    assert (asked.name, asked.metric, asked.attributes) == (
        f"{operation} {store}",
        "db.client.operation.duration",
        said,
    )
    assert (inside.metric, inside.attributes) == (None, said | {"client.address": "shop"})


def test_a_statement_and_a_command_say_what_is_asked_of_a_store(conventions):
    """A statement names the span by its verb and object; a command by its first word."""
    read = conventions.describe(span("shop", "read", "client", "store"))
    assert read.name == "select shop.orders"
    assert read.attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "select",
        "db.query.text": "select id from shop.orders where id = ?",
        "db.collection.name": "shop.orders",
        "db.query.summary": "select shop.orders",
        "server.address": "store",
    }
    cached = conventions.describe(span("shop", "read", "client", "quick"))
    assert (cached.name, cached.attributes["db.query.text"]) == ("get quick", "get cart")


@pytest.mark.parametrize(
    ("asked", "name", "collection"),
    [
        # The examples of the convention (database spans, "Generating a summary of the query").
        ({"statement": "SELECT * FROM wuser_table WHERE username = ?"}, "SELECT wuser_table", "wuser_table"),
        (
            {"statement": "INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders"},
            "INSERT shipping_details SELECT orders",
            None,
        ),
        # As libraries write them.
        ({"statement": "SELECT count(*) FROM `products`"}, "SELECT products", "products"),
        ({"statement": 'INSERT INTO "orders" ("id") VALUES (?)'}, "INSERT orders", "orders"),
        ({"statement": "SELECT s.id FROM sock s JOIN sock_tag ON s.id = sock_id"}, "SELECT sock sock_tag", None),
        ({"statement": "update carts set n = ?"}, "update carts", "carts"),
        ({"statement": "SELECT id FROM carts FOR UPDATE SKIP LOCKED"}, "SELECT carts", "carts"),
        ({"statement": "BEGIN"}, "BEGIN docs", None),
        # A command of MongoDB is on a collection.
        ({"command": "findAndModify user-timeline"}, "findAndModify user-timeline", "user-timeline"),
    ],
)
def test_a_query_is_told_by_its_operations_and_what_they_act_on_as_it_is_written(asked, name, collection):
    mesh = f"""
name: stores
services: {{docs: {{kind: database, system: mongodb, operations: {{x: {json.dumps(asked)}}}}}}}
workload: {{mix: {{docs.x: 1}}}}
"""
    found = Conventions(parse(mesh, "mesh.yaml").topology).describe(span("docs", "x", "server", None))
    assert found.name == name
    assert found.attributes.get("db.collection.name") == collection
    assert found.attributes["db.operation.name"] == name.split()[0]
    told = "statement" in asked and not name.endswith("docs")
    assert found.attributes.get("db.query.summary") == (name if told else None)


def test_an_operation_that_says_nothing_is_a_method_whoever_asks(conventions):
    """No HTTP method or route is invented for it, not even at the entry."""
    found = conventions.describe(span("gate", "home", "server", None))
    assert (found.name, found.metric) == ("gate/home", "rpc.server.call.duration")
    assert not any(name.startswith(("http.", "url.")) for name in found.attributes)


def test_an_rpc_has_the_name_that_its_file_gives_and_a_service_the_one_that_it_displays(conventions):
    assert conventions.describe(span("Shop_Two", "GET /x", "server", "gate")).name == "acme.Shop/Get"
    assert conventions.describe(span("Shop_Two", "Get", "server", "gate")).name == "acme.Shop/Get"
    row = {"service": "Shop_Two", "replica": "Shop_Two-0", "version": "1"}
    assert conventions.resource(row) == {
        "service.name": "acme.Shop",
        "service.version": "1",
        "service.instance.id": "Shop_Two-0",
        "k8s.pod.name": "shop-two-0",
        "k8s.node.name": "node-3",
    }


def test_that_a_client_went_away_is_an_error_to_it_and_none_to_the_server(conventions):
    for kind, failed in (("server", False), ("client", True)):
        who, peer = ("shop", "gate") if kind == "server" else ("gate", "shop")
        assert conventions.describe(span(who, "buy", kind, peer, "cancelled")).failed is failed


def test_a_duration_is_measured_by_what_tells_calls_apart_and_not_by_who_called(conventions):
    found = conventions.describe(span("shop", "buy", "server", "gate", attempt=2))
    assert set(found.measured) == {"rpc.system.name", "rpc.method", "rpc.response.status_code", "server.address"}


def test_a_process_has_all_its_names_and_a_service_only_its_own():
    assert resource("shop", "shop-0", "1.2.0") == {
        "service.name": "shop",
        "service.version": "1.2.0",
        "service.instance.id": "shop-0",
        "k8s.pod.name": "shop-0",
    }
    assert resource("shop", None, None) == {"service.name": "shop"}


STACKS = """
name: stacks
services:
  web: {kind: gateway, stack: nodejs/express, operations: {buy: {calls: [order-service.create, carts.get]}}}
  order-service: {stack: java/spring-boot, operations: {create: {calls: [db.insert, docs.find]}}}
  carts: {stack: rust/tonic, operations: {get: {}}}
  db: {kind: database, stack: postgresql, operations: {insert: {}}}
  docs: {kind: database, stack: mongodb, operations: {find: {}}}
workload: {rate: 1/s, mix: {web.buy: 1}}
"""


def test_a_stack_says_how_its_operations_are_asked():
    described = Conventions(parse(STACKS, "stacks.yaml").topology)
    created = described.describe(span("order-service", "create", "server", "web"))
    assert (created.name, created.metric) == ("POST /orders", "http.server.request.duration")
    got = described.describe(span("carts", "get", "server", "web"))
    assert (got.name, got.metric) == ("carts/get", "rpc.server.call.duration")


@pytest.mark.parametrize(
    ("store", "text", "name", "collection"),
    [
        ("db.insert", "INSERT INTO orders (id) VALUES ($1)", "INSERT orders", "orders"),
        ("docs.find", 'db.carts.find({\\"user_id\\": ?})', "find carts", "carts"),
    ],
)
def test_what_a_span_says_that_a_store_is_asked_names_it_and_its_collection(store, text, name, collection):
    described = Conventions(parse(STACKS, "stacks.yaml").topology)
    service, operation = store.split(".")
    asked = {"told_keys": "db.query.text network.peer.address", "told_query": text}
    found = described.describe(span("order-service", operation, "client", service) | asked)
    assert (found.name, found.attributes["db.collection.name"]) == (name, collection)
    assert "db.query.text" not in found.attributes  # it is among the span's own attributes


@pytest.mark.parametrize(
    ("block", "present", "missing"),
    [
        ('{"client.*": none}', {"url.path"}, {"client.address"}),
        ("{client.address: net.peer.name, url.path: http.target}", {"net.peer.name", "http.target"}, {"url.path"}),
        ('{"*": none}', {"http.route", "http.request.method"}, {"client.address", "url.path"}),
    ],
)
def test_attributes_that_a_block_renames_or_leaves_out_are_not_made_up_again(block, present, missing):
    """An inner server span has the caller as `client.address`, though its record has no such attribute."""
    mesh = STACKS + f"telemetry: {{traces: {{attributes: {block}}}}}\n"
    found = Conventions(parse(mesh, "stacks.yaml").topology).describe(span("order-service", "create", "server", "web"))
    assert present <= found.attributes.keys()
    assert not missing & found.attributes.keys()
    asked = Conventions(parse(mesh, "stacks.yaml").topology).describe(span("web", "create", "client", "order-service"))
    assert ("url.full" in asked.attributes) is ("*" not in block or "client" in block)


def test_a_query_names_its_span_whatever_a_block_calls_its_attribute():
    mesh = STACKS + "telemetry: {traces: {attributes: {db.query.text: sql}}}\n"
    described = Conventions(parse(mesh, "stacks.yaml").topology)
    record = span("order-service", "insert", "client", "db") | {"attributes": '{"sql":"INSERT INTO orders (id)"}'}
    found = described.describe(described.told(pl.DataFrame([record])).row(0, named=True))
    assert found.name == "INSERT orders"
    assert not {"sql", "db.query.text"} & found.attributes.keys()  # it is among the span's own attributes
