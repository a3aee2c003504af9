"""Spans inside processes, in every format: under their own names, as children of the spans that enclose them."""

import csv
import json

import polars as pl
import pytest
from exported import write

from meshquake.exporters.formats import context, jaeger, openrca, otlp, rcaeval, zipkin
from meshquake.faults.loader import parse as scenario_of
from meshquake.sim.records import TRACE, records
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse

MESH = """
name: inside
services:
  web:
    kind: gateway
    stack: nodejs/express
    operations: {home: {route: "GET /cart/{id}", work: 2ms, calls: carts.get}}
  carts: {stack: rust/tonic, operations: {get: {rpc: shop.Carts/Get, work: 3ms, calls: [db.read]}}}
  db: {kind: database, stack: postgresql, operations: {read: {work: 1ms, statement: SELECT * FROM carts WHERE id = ?}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
PLAY = """
name: inside
lead_in: 0s
duration: 2s
recovery: 0s
confounders: none
faults: [fail: {target: carts, share: 50%}]
"""
#: The handler of `carts.get` has the name of the operation, and is no RPC.
NAMES = {
    "middleware - query",
    "middleware - expressInit",
    "middleware - corsMiddleware",
    "middleware - jsonParser",
    "middleware - authenticate",
    "request handler - /cart/{id}",
    "web.home",
    "get",
    "decode_message",
    "create_get_from_request",
    "repository::read",
}


@pytest.fixture(scope="module")
def played():
    simulation = Simulation.of(scenario_of(PLAY, "s.yaml", mesh=parse(MESH, "mesh.yaml")))
    batches = list(simulation.batches())
    return batches, context.of(simulation), pl.concat(batch.traces for batch in batches)


@pytest.fixture
def inside(played):
    return {row["span_id"]: row for row in records(TRACE, played[2].filter(kind="internal"))}


def rows(folder, name):
    with next(folder.rglob(name)).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_otlp_has_them_as_internal_with_an_error_where_the_handler_failed(played, inside, tmp_path):
    batches, told, _ = played
    write(batches, otlp.sink(tmp_path, told))
    lines = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    spans = [
        span
        for line in lines
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    found = {span["spanId"]: span for span in spans if span["kind"] == 1}
    assert found.keys() == inside.keys()
    assert {span["name"] for span in found.values()} == NAMES
    failed = {name for name, row in inside.items() if row["status"] == "error"}
    assert failed == {name for name, span in found.items() if span["status"] == {"code": 2}}
    assert {found[name]["name"] for name in failed} == {"get", "request handler - /cart/{id}"}
    assert all(found[name]["parentSpanId"] == row["parent_span_id"] for name, row in inside.items())
    metrics = (tmp_path / "metrics.jsonl").read_text()
    assert "decode_message" not in metrics


def test_what_spans_tell_comes_first_among_their_attributes_and_nothing_twice(played, tmp_path):
    """In OTLP, Zipkin and Jaeger; here a replica's path is the requested one."""
    batches, told, frame = played
    own = {row["span_id"]: row["attributes"] for row in records(TRACE, frame) if "attributes" in row}
    assert len(own) > len(frame) / 4
    for sink, name in ((otlp.sink, "traces.jsonl"), (zipkin.sink, "spans.json"), (jaeger.sink, "traces.json")):
        write(batches, sink(tmp_path, told))
        found = attributes(name, (tmp_path / name).read_text())
        assert len(found) == len(frame)
        for span, each in found.items():
            keys = [key for key, _ in each if key != "span.kind"]
            assert len(set(keys)) == len(keys)
            values = own.get(span, {})
            texts = {key: value for key, value in each if key in values}
            assert texts == {key: str(value) if name != "traces.json" else value for key, value in values.items()}


def attributes(name, content):
    """Return key-value pairs of each span, as a format writes them; OTLP and Zipkin write integers as strings."""
    if name == "spans.json":
        return {span["id"]: [*span["tags"].items()] for span in json.loads(content)}
    if name == "traces.json":
        spans = [span for trace in json.loads(content)["data"] for span in trace["spans"]]
        return {span["spanID"]: [(tag["key"], tag["value"]) for tag in span["tags"]] for span in spans}
    found = {}
    for line in content.splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for span in resource["scopeSpans"][0]["spans"]:
                pairs = [(each["key"], *each["value"].values()) for each in span["attributes"]]
                found[span["spanId"]] = pairs
    return found


def test_zipkin_has_them_without_a_kind_and_jaeger_with_the_tag(played, inside, tmp_path):
    batches, told, _ = played
    write(batches, zipkin.sink(tmp_path, told))
    spans = json.loads((tmp_path / "spans.json").read_text())
    local = {span["id"]: span for span in spans if "kind" not in span}
    assert local.keys() == inside.keys() and all("remoteEndpoint" not in span for span in local.values())
    write(batches, jaeger.sink(tmp_path, told))
    traces = json.loads((tmp_path / "traces.json").read_text())["data"]
    tagged = {
        span["spanID"]: span["operationName"]
        for trace in traces
        for span in trace["spans"]
        if {"key": "span.kind", "type": "string", "value": "internal"} in span["tags"]
    }
    assert tagged.keys() == inside.keys() and set(tagged.values()) == NAMES


def test_tables_have_them_by_name(played, inside, tmp_path):
    batches, told, _ = played
    write(batches, rcaeval.sink(tmp_path / "rcaeval", told))
    found = {row["spanID"]: row for row in rows(tmp_path, "traces.csv") if row["spanID"] in inside}
    assert found.keys() == inside.keys()
    assert {row["methodName"] for row in found.values()} == {row["operationName"] for row in found.values()} == NAMES
    write(batches, openrca.sink(tmp_path / "openrca", told))
    found = {row["span_id"]: row for row in rows(tmp_path, "trace_span.csv") if row["type"] == "internal"}
    assert found.keys() == inside.keys()
    assert {row["operation_name"] for row in found.values()} == NAMES
    assert {row["status_code"] for row in found.values()} == {"200", "500", "502"}
