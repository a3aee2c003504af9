"""Zipkin and Jaeger: the JSON is as documented, and holds every span once.

No server of either was available: the schemas are transcriptions of zipkin2-api.yaml and of the types of Jaeger's UI.
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime

import jsonschema
import polars as pl
import pytest

from meshquake.exporters.fixtures import export, reading
from meshquake.exporters.formats import jaeger
from meshquake.exporters.formats.registry import FORMATS

TRACE, SPAN = {"type": "string", "pattern": "^[0-9a-f]{32}$"}, {"type": "string", "pattern": "^[0-9a-f]{16}$"}
ENDPOINT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["serviceName"],
    "properties": {"serviceName": {"type": "string", "pattern": "^[^A-Z]+$"}},
}
ZIPKIN = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["traceId", "id", "name", "timestamp", "duration", "localEndpoint"],
        "properties": {
            "traceId": TRACE,
            "id": SPAN,
            "parentId": SPAN,
            "kind": {"enum": ["CLIENT", "SERVER"]},
            "name": {"type": "string", "pattern": "^[^A-Z]+$"},
            "timestamp": {"type": "integer", "minimum": 1_000_000_000_000_000},
            "duration": {"type": "integer", "minimum": 1},
            "localEndpoint": ENDPOINT,
            "remoteEndpoint": ENDPOINT,
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}
TAG = {
    "type": "object",
    "required": ["key", "type", "value"],
    "oneOf": [
        {
            "additionalProperties": False,
            "properties": {"key": {"type": "string"}, "type": {"const": name}, "value": {"type": kind}},
        }
        for name, kind in (("string", "string"), ("int64", "integer"), ("bool", "boolean"))
    ],
}
TAGS = {"type": "array", "items": TAG}
REFERENCE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["refType", "traceID", "spanID"],
    "properties": {"refType": {"const": "CHILD_OF"}, "traceID": TRACE, "spanID": SPAN},
}
JAEGER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["data"],
    "properties": {
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["traceID", "spans", "processes"],
                "properties": {
                    "traceID": TRACE,
                    "spans": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": [
                                "traceID",
                                "spanID",
                                "operationName",
                                "references",
                                "startTime",
                                "duration",
                                "tags",
                                "logs",
                                "processID",
                            ],
                            "properties": {
                                "traceID": TRACE,
                                "spanID": SPAN,
                                "operationName": {"type": "string"},
                                "references": {"type": "array", "items": REFERENCE, "maxItems": 1},
                                "startTime": {"type": "integer", "minimum": 1_000_000_000_000_000},
                                "duration": {"type": "integer", "minimum": 0},
                                "tags": TAGS,
                                "logs": {"type": "array", "maxItems": 0},
                                "processID": {"type": "string"},
                                "warnings": {"type": "null"},
                            },
                        },
                    },
                    "processes": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["serviceName", "tags"],
                            "properties": {"serviceName": {"type": "string"}, "tags": TAGS},
                        },
                    },
                    "warnings": {"type": "null"},
                },
            },
        }
    },
}


@pytest.fixture(scope="module")
def records(incident):
    return [json.loads(line) for line in (incident / "traces.ndjson").read_text().splitlines()]


def exported(incident, name, output):
    export.export(incident, FORMATS[name], reading.context(incident), output, lambda batch: None)
    (file,) = output.iterdir()
    return json.loads(file.read_text(encoding="utf-8"))


def micros(span):
    return round(datetime.fromisoformat(span["timestamp"]).timestamp() * 1e6), round(span["duration_ms"] * 1000)


@pytest.fixture(scope="module")
def zipkin(incident, tmp_path_factory):
    return exported(incident, "zipkin", tmp_path_factory.mktemp("zipkin") / "out")


@pytest.fixture(scope="module")
def traces(incident, tmp_path_factory):
    return exported(incident, "jaeger", tmp_path_factory.mktemp("jaeger") / "out")


def test_zipkin_spans_are_as_its_api_says(zipkin):
    jsonschema.validate(zipkin, ZIPKIN)


def test_every_span_is_in_the_array_once(zipkin, records):
    assert len(zipkin) == len(records)
    found = {span["id"]: span for span in zipkin}
    for span in records:
        said = found[span["span_id"]]
        start, length = micros(span)
        assert (said["traceId"], said.get("parentId")) == (span["trace_id"], span["parent_span_id"])
        kind = None if span["kind"] == "internal" else span["kind"].upper()
        assert (said["timestamp"], said["duration"], said.get("kind")) == (start, max(1, length), kind)
        assert said["localEndpoint"] == {"serviceName": span["service"]}
        assert said.get("remoteEndpoint", {"serviceName": None})["serviceName"] == span["peer"]
        assert said["tags"].get("error") == span["error_type"]
        assert said["tags"]["service.instance.id"] == span["replica"]


def test_jaeger_traces_are_as_its_page_reads_them(traces):
    assert set(traces) == {"data"}
    jsonschema.validate({"data": traces["data"][::5]}, JAEGER)


def test_every_trace_is_one_entry_with_all_its_spans_and_their_processes(traces, records):
    names = [trace["traceID"] for trace in traces["data"]]
    assert names == list(dict.fromkeys(span["trace_id"] for span in records))
    of_trace = Counter(span["trace_id"] for span in records)
    found = {}
    for trace in traces["data"]:
        assert len(trace["spans"]) == of_trace[trace["traceID"]]
        assert {span["processID"] for span in trace["spans"]} == set(trace["processes"])
        for span in trace["spans"]:
            assert span["traceID"] == trace["traceID"]
            found[span["spanID"]] = (span, trace["processes"][span["processID"]])
    assert len(found) == len(records)
    for span in records:
        said, process = found[span["span_id"]]
        assert (said["startTime"], said["duration"]) == micros(span)
        assert [above["spanID"] for above in said["references"]] == [span["parent_span_id"]] * bool(said["references"])
        assert bool(said["references"]) == (span["parent_span_id"] is not None)
        tags = {tag["key"]: tag["value"] for tag in said["tags"]}
        assert (tags["span.kind"], tags.get("error", False)) == (span["kind"], span["status"] == "error")
        who = {tag["key"]: tag["value"] for tag in process["tags"]}
        assert (process["serviceName"], who["service.instance.id"]) == (span["service"], span["replica"])
        assert who["service.version"] == span["version"]


def test_a_span_that_comes_long_after_its_trace_has_ended_gets_an_entry_of_its_own(
    incident, incident_batches, tmp_path
):
    first, *_, last = (batch for batch in incident_batches if len(batch.traces))
    trace = first.traces["trace_id"][0]
    late = last.traces.tail(1).with_columns(trace_id=pl.lit(trace))
    sink = jaeger.sink(tmp_path, replace(reading.context(incident)))
    sink.write(replace(first, traces=first.traces.filter(trace_id=trace)))
    sink.write(replace(last, traces=late))
    sink.close()
    entries = json.loads((tmp_path / jaeger.NAME).read_text())["data"]
    assert [entry["traceID"] for entry in entries] == [trace, trace]
    assert [span["spanID"] for span in entries[1]["spans"]] == [late["span_id"][0]]


def test_memory_holds_only_traces_that_may_go_on(incident, incident_batches, tmp_path):
    sink = jaeger.sink(tmp_path, reading.context(incident))
    held = []
    for batch in incident_batches:
        sink.write(batch)
        held.append(len(sink._waiting))
    sink.discard()
    assert max(held) < 0.8 * pl.concat([batch.traces for batch in incident_batches])["trace_id"].n_unique()


@pytest.mark.parametrize("name", ["jaeger", "zipkin", "otlp"])
def test_a_run_without_requests_is_written_too(name, tmp_path):
    from click.testing import CliRunner

    from meshquake.commands.main import main

    arguments = ["normal", "--duration", "1", "--rate", "0.001", "--format", name, "--quiet", "--output", tmp_path]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert (result.exit_code, result.output) == (0, "")
    assert not (tmp_path / "normal" / "traces.ndjson").read_bytes()
    if name != "otlp":
        (file,) = (tmp_path / "normal" / name).iterdir()
        assert json.loads(file.read_text()) in ([], {"data": []})
