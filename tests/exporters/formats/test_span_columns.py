"""Spans of a mesh with declared protocols, in foreign tables: as in the data of the formats' authors."""

import csv
import gzip
import json

import pytest
from exported import write

from meshquake.exporters.formats import context, openrca, rcaeval
from meshquake.exporters.sending import loki
from meshquake.faults.loader import parse as scenario_of
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse

MESH = """
name: asked
services:
  frontend: {kind: gateway, operations: {home: {route: "GET /cart/{id}", calls: cart_service.get}}}
  cart_service:
    display_name: shop.Cart
    operations: {get: {rpc: hipstershop.CartService/GetCart, calls: [store.read, quick.get, plain.x: {optional: true}]}}
  store: {kind: database, operations: {read: {statement: SELECT * FROM carts WHERE id = ?}}}
  quick: {kind: cache, operations: {get: {}}}
  plain: {operations: {x: {error_rate: 100%}}}
workload: {rate: 20/s, mix: {frontend.home: 1}}
"""
#: Half of the requests to carts fail from the start.
PLAY = """
name: asked
lead_in: 0s
duration: 2s
recovery: 0s
confounders: none
faults: [fail: {target: cart_service, share: 50%}]
"""


@pytest.fixture(scope="module")
def played():
    simulation = Simulation.of(scenario_of(PLAY, "s.yaml", mesh=parse(MESH, "mesh.yaml")))
    return list(simulation.batches()), context.of(simulation)


def rows(folder, name):
    with next(folder.rglob(name)).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_openrca_has_rpcs_with_their_names_and_grpcs_numbers(played, tmp_path):
    """Its own table has `rpc,0,hipstershop.CheckoutService/PlaceOrder`; calls over HTTP have an HTTP status."""
    batches, told = played
    write(batches, openrca.sink(tmp_path, told))
    said = {(row["type"], row["status_code"], row["operation_name"]) for row in rows(tmp_path, "trace_span.csv")}
    assert said == {
        ("http", "200", "GET /cart/{id}"),
        ("http", "502", "GET /cart/{id}"),
        ("rpc", "0", "hipstershop.CartService/GetCart"),
        ("rpc", "13", "hipstershop.CartService/GetCart"),
        ("db", "200", "SELECT carts"),
        ("db", "200", "quick/get"),
        ("http", "500", "plain/x"),
    }


def test_rcaeval_has_the_method_beside_the_whole_name(played, tmp_path):
    batches, told = played
    write(batches, rcaeval.sink(tmp_path, told))
    said = {
        (row["serviceName"], row["methodName"], row["operationName"], row["statusCode"])
        for row in rows(tmp_path, "traces.csv")
    }
    assert {each for each in said if each[0] == "cart-service"} == {
        ("cart-service", "GetCart", "hipstershop.CartService/GetCart", "0"),
        ("cart-service", "GetCart", "hipstershop.CartService/GetCart", "13"),
        ("cart-service", "read", "SELECT carts", "200"),
        ("cart-service", "get", "quick/get", "200"),
        ("cart-service", "x", "plain/x", "500"),
    }
    assert ("frontend", "home", "GET /cart/{id}", "200") in said


def test_loki_has_lines_by_the_name_that_otlp_has_for_the_service(played):
    batches, told = played
    speaker = loki.speaker(told, "")
    bodies = [json.loads(gzip.decompress(request.body)) for batch in batches for request in speaker.requests(batch)]
    names = {each["stream"]["service_name"] for body in bodies for each in body["streams"]}
    assert "shop.Cart" in names and "cart_service" not in names
