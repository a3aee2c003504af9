"""OTLP: the official classes parse every line, a collector accepts every request, and nothing is lost."""

import base64
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import polars as pl
import pytest
from collector import collector, post
from exported import own_name

from meshquake.exporters.fixtures import export, reading
from meshquake.exporters.formats.otlp import Request, Requests
from meshquake.exporters.formats.registry import FORMATS
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.simulation import Simulation
from meshquake.topology.placement import Placement

json_format = pytest.importorskip("google.protobuf.json_format")
trace_pb2 = pytest.importorskip("opentelemetry.proto.trace.v1.trace_pb2")
logs_pb2 = pytest.importorskip("opentelemetry.proto.logs.v1.logs_pb2")
metrics_pb2 = pytest.importorskip("opentelemetry.proto.metrics.v1.metrics_pb2")

from meshquake.exporters.formats.otlp_protobuf import encode, message  # noqa: E402

DATA = {"traces": trace_pb2.TracesData, "logs": logs_pb2.LogsData, "metrics": metrics_pb2.MetricsData}
IDS = ("traceId", "spanId", "parentSpanId")


@pytest.fixture(scope="module")
def lines(incident, tmp_path_factory):
    """Return the lines of each signal."""
    output = tmp_path_factory.mktemp("otlp") / "otlp"
    export.export(incident, FORMATS["otlp"], reading.context(incident), output, lambda batch: None)
    return {signal: (output / f"{signal}.jsonl").read_bytes().splitlines() for signal in DATA}


@pytest.fixture(scope="module")
def records(incident):
    """Return the records of each kind."""
    return {
        kind: [json.loads(line) for line in (incident / f"{kind}.ndjson").read_text().splitlines()]
        for kind in ("metrics", "logs", "traces", "events")
    }


def official(signal, line):
    """Parse a line with the official JSON parser, which refuses unknown keys. Its ids are base64, OTLP's are hex."""

    def as_base64(pairs):
        return {key: base64.b64encode(bytes.fromhex(v)).decode() if key in IDS else v for key, v in pairs}

    return json_format.ParseDict(json.loads(line, object_pairs_hook=as_base64), DATA[signal]())


def spans_of(parsed):
    return [
        (resource.resource, span)
        for data in parsed
        for resource in data.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def logs_of(parsed):
    return [
        (resource.resource, scope.scope, record)
        for data in parsed
        for resource in data.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def points_of(parsed):
    """Return resource, metric and data point of each point."""
    return [
        (resource.resource, metric, point)
        for data in parsed
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.WhichOneof("data")
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    ]


def plain(attributes):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def nanos(record):
    return round((datetime.fromisoformat(record["timestamp"]) - EPOCH) / timedelta(microseconds=1)) * 1000


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def parsed(lines):
    return {signal: [official(signal, line) for line in lines[signal]] for signal in DATA}


# -- conformance ---------------------------------------------------------------------------------------------------


def test_every_line_is_read_by_the_official_classes_and_is_shorter_than_a_megabyte(lines, parsed):
    for signal in DATA:
        assert parsed[signal] and all(len(line) < 2**20 for line in lines[signal])


def test_protobuf_says_the_same_as_json(lines, parsed):
    for signal in DATA:
        for line, data in zip(lines[signal], parsed[signal], strict=True):
            assert encode(Request(signal, line, 0, 0)) == data.SerializeToString()


def test_a_key_that_the_protocol_does_not_have_is_noticed():
    with pytest.raises(KeyError):
        message("traces", b'{"resourceSpans":[{"scopeSpan":[]}]}')


def test_ids_are_hex_of_the_right_length(lines):
    for line in lines["traces"]:
        for spans in json.loads(line)["resourceSpans"]:
            for span in spans["scopeSpans"][0]["spans"]:
                assert (len(bytes.fromhex(span["traceId"])), len(bytes.fromhex(span["spanId"]))) == (16, 8)
                assert span["traceId"] == span["traceId"].lower()


# -- spans ---------------------------------------------------------------------------------------------------------


def test_every_span_is_there_once_with_its_times_parent_and_process(incident, parsed, records):
    nodes = Placement(reading.context(incident).topology)
    found = {
        span.span_id.hex(): (
            span.trace_id.hex(),
            span.parent_span_id.hex() or None,
            span.start_time_unix_nano,
            span.end_time_unix_nano - span.start_time_unix_nano,
            {1: "internal", 2: "server", 3: "client"}[span.kind],
            plain(resource.attributes),
        )
        for resource, span in spans_of(parsed["traces"])
    }
    assert len(spans_of(parsed["traces"])) == len(records["traces"])
    assert found == {
        span["span_id"]: (
            span["trace_id"],
            span["parent_span_id"],
            nanos(span),
            round(span["duration_ms"] * 1000) * 1000,
            span["kind"],
            {
                "service.name": span["service"],
                "service.version": span["version"],
                "service.instance.id": span["replica"],
                "k8s.pod.name": span["replica"],
                "k8s.node.name": nodes.node(span["service"], span["replica"]),
            },
        )
        for span in records["traces"]
    }


@pytest.fixture(scope="module")
def described(parsed):
    """Return name, status and attributes of each span, by id."""
    return {
        span.span_id.hex(): (span.name, span.status.code, plain(span.attributes))
        for _, span in spans_of(parsed["traces"])
    }


def halves(records):
    """Return the spans of calls, without those inside processes."""
    return [span for span in records["traces"] if span["kind"] != "internal"]


def test_a_span_names_the_path_that_its_log_lines_name(described, records):
    named = r"\b(?:GET|POST|PUT|DELETE) \"?(?:http://[a-z-]+)?(/(?!static/)[a-z]+(?:/[\w-]+)*)"
    compared = set()  # pages also ask for static files, which have no spans
    for line in records["logs"]:
        _, _, said = described.get(line["span_id"], ("", 0, {}))
        path = said.get("url.path") or said.get("url.full", "").removeprefix(f"http://{said.get('server.address')}")
        if path and (found := re.search(named, line["message"])):
            assert found[1] == path, line
            compared.add((line["service"], "url.path" in said, path))
    assert len({service for service, _, _ in compared}) >= 5
    assert len(compared) > 100 and {server for _, server, _ in compared} == {True, False}


def test_stores_are_asked_as_databases_and_what_says_nothing_else_as_its_stack_is(incident, described, records):
    stacks = {service.name: service.built_with for service in reading.context(incident).topology.services}
    for span in halves(records):
        name, _, said = described[span["span_id"]]
        callee = span["service"] if span["kind"] == "server" else span["peer"]
        operation = own_name(span)
        if callee in ("database", "cache-service"):
            system = "postgresql" if callee == "database" else "redis"
            assert said["db.system.name"] == system
            if "db.query.text" in said:
                assert said["db.query.text"].startswith(said["db.operation.name"])
            else:
                assert name == f"{operation} {callee}" and said["db.operation.name"] == operation
        elif stacks[callee] is None or stacks[callee].framework == "grpc":
            assert name == said["rpc.method"] == f"{callee}/{operation}"
            assert said["rpc.system.name"] == "grpc"
        else:
            route = said["http.route" if span["kind"] == "server" else "url.template"]
            assert name == f"{said['http.request.method']} {route}"
        assert said["server.address"] == callee


def test_errors_have_their_type_and_attempts_after_the_first_their_number(described, records):
    for span in halves(records):
        _, status, said = described[span["span_id"]]
        assert said.get("error.type") == span["error_type"]
        assert said.get("mesh.attempt", 1) == span["attempt"]
        assert (said.get("rpc.response.status_code", "OK") != "OK") == (
            "rpc.method" in said and span["status"] == "error"
        )
        assert status == (2 if span["status"] == "error" else 0)
    assert {span["status"] for span in records["traces"]} == {"success", "error"}
    assert max(span["attempt"] for span in records["traces"]) > 1


# -- logs and events -----------------------------------------------------------------------------------------------


def test_every_line_and_every_event_is_a_log_record(parsed, records):
    levels = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
    severities = {"info": 9, "warning": 13, "error": 17, "critical": 21}
    lines, events = [], []
    for resource, scope, record in logs_of(parsed["logs"]):
        process = plain(resource.attributes)
        who = (process["service.name"], process.get("service.instance.id"))
        level = (record.severity_text, record.severity_number)
        assert record.observed_time_unix_nano == record.time_unix_nano
        if record.event_name:
            events.append((record.time_unix_nano, *who, *level, record.event_name, plain(record.attributes)))
        else:
            ids = (record.trace_id.hex() or None, record.span_id.hex() or None)
            lines.append((record.time_unix_nano, *who, *level, scope.name, record.body.string_value, *ids))
    assert Counter(lines) == Counter(
        (
            nanos(line),
            line["service"],
            line["replica"],
            line["level"],
            levels[line["level"]],
            line["logger"],
            line["message"],
            line["trace_id"],
            line["span_id"],
        )
        for line in records["logs"]
    )
    said = [
        (
            nanos(event),
            event["service"],
            event["replica"],
            event["severity"],
            severities[event["severity"]],
            event["type"],
            {"mesh.message": event["details"]}
            | {f"mesh.{key}": value for key, value in event["attributes"].items() if value is not None}
            | ({} if event["version"] is None else {"mesh.version": event["version"]}),
        )
        for event in records["events"]
    ]
    assert sorted(map(str, events)) == sorted(map(str, said)) and events


def test_a_line_has_the_version_of_the_process_that_wrote_it_before_and_after_a_deployment(tmp_path):
    from meshquake.exporters.fixtures import writing

    loaded = load(shipped()["deployment"], Options(duration=40, lead_in=5, recovery=5, confounders="none"))
    run = Simulation.of(loaded)
    writing.write(run, tmp_path / "deployment", lambda batch: None, False, [FORMATS["otlp"]])
    folder = tmp_path / "deployment" / "otlp"
    versions = defaultdict(set)
    spans = [official("traces", line) for line in (folder / "traces.jsonl").read_bytes().splitlines()]
    for resource, span in spans_of(spans):
        versions[span.span_id] = plain(resource.attributes)["service.version"]
    seen = Counter()
    logs = [official("logs", line) for line in (folder / "logs.jsonl").read_bytes().splitlines()]
    for resource, _, record in logs_of(logs):
        if record.span_id:
            version = plain(resource.attributes)["service.version"]
            assert version == versions[record.span_id]
            seen[version] += 1
    assert seen["1.0.0"] and seen["2.0.0"]


def test_any_text_of_a_line_is_read_back(incident, incident_batches):
    message = 'a "b" \\ c\nd\u2028e \x01 £ 字 🙂'
    requests = Requests(reading.context(incident))
    batch = incident_batches[0]
    odd = replace(batch, logs=batch.logs.with_columns(message=pl.lit(message)))
    bodies = [request.body for request in (*requests.take(odd), *requests.finish()) if request.signal == "logs"]
    records = [record for _, _, record in logs_of(official("logs", body) for body in bodies)]
    assert {record.body.string_value for record in records if not record.event_name} == {message}


# -- metrics -------------------------------------------------------------------------------------------------------


def test_every_sample_is_a_data_point_of_its_service_replica_and_edge(parsed, records):
    shapes = {"gauge", "sum", "histogram"}
    found = Counter()
    for resource, metric, point in points_of(parsed["metrics"]):
        shape = metric.WhichOneof("data")
        shapes.discard(shape)
        if shape == "histogram":
            continue
        process = plain(resource.attributes)
        target = plain(point.attributes).get("mesh.target")
        if "service.name" in process:
            who = process["service.name"], process.get("service.instance.id")
        else:
            who = "node-exporter", process["k8s.node.name"]
        found[point.time_unix_nano, *who, target] += 1
    assert not shapes
    assert found == Counter(
        (nanos(sample), sample["service"], sample["replica"], sample["target"]) for sample in records["metrics"]
    )


def test_gauges_are_in_base_units_and_counts_grow_to_the_number_of_spans(parsed, records):
    values = {
        (metric.name, plain(resource.attributes)["service.name"], point.time_unix_nano): point
        for resource, metric, point in points_of(parsed["metrics"])
        if metric.name.startswith("mesh.service.")
    }
    for sample in records["metrics"]:
        if sample["replica"] is None and sample["metric"] in ("cpu_usage", "latency_p95"):
            point = values[f"mesh.service.{sample['metric']}", sample["service"], nanos(sample)]
            scale = 100 if sample["unit"] == "%" else 1000
            assert point.as_double == pytest.approx(sample["value"] / scale, abs=1e-6)
    last = max(nanos(sample) for sample in records["metrics"])
    ended = Counter(
        (span["service"], status)
        for span in records["traces"]
        for status in ("any", span["status"])
        if span["kind"] == "server" and nanos(span) + round(span["duration_ms"] * 1000) * 1000 < last
    )
    for service in {span["service"] for span in records["traces"]}:
        assert values["mesh.service.requests", service, last].as_double == ended[service, "any"]
        assert values["mesh.service.errors", service, last].as_double == ended[service, "error"]


def test_histograms_hold_the_spans_that_ended_and_each_exemplar_is_one_in_its_bucket(parsed, described, records):
    spans = {span["span_id"]: span for span in records["traces"]}
    last = max(nanos(sample) for sample in records["metrics"])
    totals, exemplars = Counter(), 0
    for resource, metric, point in points_of(parsed["metrics"]):
        if metric.WhichOneof("data") != "histogram":
            continue
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert sum(point.bucket_counts) == point.count
        bounds = [0.0, *point.explicit_bounds, float("inf")]
        for exemplar in point.exemplars:
            span = spans[exemplar.span_id.hex()]
            assert span["trace_id"] == exemplar.trace_id.hex()
            assert exemplar.as_double == pytest.approx(span["duration_ms"] / 1000)
            end = nanos(span) + round(span["duration_ms"] * 1000) * 1000
            assert exemplar.time_unix_nano == end and point.time_unix_nano - 10**9 <= end < point.time_unix_nano
            bucket = next(i for i, high in enumerate(bounds[1:]) if exemplar.as_double <= high)
            assert point.bucket_counts[bucket] > 0
            assert plain(resource.attributes)["service.name"] == span["service"]
            exemplars += 1
        if point.time_unix_nano == last:
            totals[metric.name] += point.count
            totals["sum"] += point.sum
    assert exemplars > 100
    expected = Counter()
    for span in halves(records):
        if nanos(span) + round(span["duration_ms"] * 1000) * 1000 >= last:
            continue
        callee = span["service"] if span["kind"] == "server" else span["peer"]
        side = span["kind"]
        if callee in ("database", "cache-service"):
            if side == "server":
                continue
            expected["db.client.operation.duration"] += 1
        else:
            rpc = "rpc.method" in described[span["span_id"]][2]
            expected[f"rpc.{side}.call.duration" if rpc else f"http.{side}.request.duration"] += 1
        expected["sum"] += span["duration_ms"] / 1000
    assert totals.pop("sum") == pytest.approx(expected.pop("sum"))
    assert totals == expected


# -- a collector ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_collector_takes_all_three_signals_and_forwards_as_many_records(encoding, lines, parsed, tmp_path):
    def counted(data):
        points = Counter()
        for _, metric, point in points_of(data["metrics"]):
            if metric.HasField("histogram"):
                points[metric.name, point.time_unix_nano, point.count, tuple(point.bucket_counts)] += 1
            else:
                points[metric.name, point.time_unix_nano, point.as_double] += 1
        return {
            "traces": Counter(span.span_id for _, span in spans_of(data["traces"])),
            "logs": Counter((record.time_unix_nano, record.event_name) for _, _, record in logs_of(data["logs"])),
            "metrics": points,
        }

    expected = counted(parsed)
    if encoding == "json":
        # rotel's JSON reader loses histograms: it expects numbers where OTLP has strings of digits.
        expected["metrics"] = Counter({key: count for key, count in expected["metrics"].items() if len(key) == 3})
    with collector(tmp_path) as (address, far):
        for signal in DATA:
            for line in lines[signal]:
                body = line if encoding == "json" else encode(Request(signal, line, 0, 0))
                kind = "application/json" if encoding == "json" else "application/x-protobuf"
                assert post(address, signal, body, kind) in ((200, b""), (200, b'{"partialSuccess":null}'))
        patience = monotonic() + 20
        received = None
        while received != expected and monotonic() < patience:
            sleep(0.2)
            bodies = {signal: [DATA[signal].FromString(body) for body in far.bodies[signal]] for signal in DATA}
            received = counted(bodies)
    assert received == expected
