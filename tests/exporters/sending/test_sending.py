"""Fixtures pushed into receivers: real ones where they install, and strict stand-ins for Loki and Elasticsearch.

The stand-ins were written from the API documentation that the exporters name.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from collector import collector
from monitoring import ask, prometheus, victoria_metrics
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from receivers import Say, free_port, receiver

from meshquake import Fixture
from meshquake.commands.main import main
from meshquake.commands.send import send
from meshquake.exporters.fixtures import reading
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.sending import delivery
from meshquake.exporters.sending.protocols import PROTOCOLS
from meshquake.exporters.sending.slices import slices

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def call(folder, to, protocol, *options):
    arguments = ["send", folder, "--to", to, "--protocol", protocol, *options]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    return result.exit_code, result.stdout, result.stderr


def sent(folder, to, protocol, *options):
    """Return the output of a call that succeeds."""
    status, out, error = call(folder, to, protocol, "--json", *options)
    assert (status, error) == (0, "")
    return json.loads(out)


@pytest.fixture(scope="module")
def samples(incident):
    """Return every sample by name and labels, then by milliseconds: computed from the records, all at once."""
    found = defaultdict(dict)
    converter = Samples(reading.context(incident))
    for batch in reading.batches(incident):
        for row in converter.take(batch).iter_rows(named=True):
            labels = {key: row[key] for key in ("service", "replica", "target") if row[key] is not None}
            found[row["name"], *sorted(labels.items())][row["at"] // 1000] = row["value"]
    return dict(found)


# -- real receivers ------------------------------------------------------------------------------------------------


def test_prometheus_takes_every_sample_by_remote_write(incident, samples, tmp_path):
    with prometheus(tmp_path, "--web.enable-remote-write-receiver") as address:
        count = sum(map(len, samples.values()))
        assert sent(incident, address, "remote-write", "--fast")["accepted"] == count
        end = Fixture(incident).start + timedelta(minutes=1)
        answer = ask(f"{address}/api/v1/query", query='{__name__=~"mesh_.*"}[2m]', time=end.timestamp())
        assert series(answer) == samples
        own = counters(address)
        assert own["prometheus_tsdb_head_samples_appended_total"] == count
        assert own["prometheus_tsdb_out_of_order_samples_total"] == 0


def series(answer):
    """Return samples in the form of the fixture `samples`."""
    found = {}
    for each in answer:
        name, labels = each["metric"].pop("__name__"), sorted(each["metric"].items())
        found[name, *labels] = {round(at * 1000): float(value) for at, value in each["values"]}
    return found


def counters(address):
    """Return the totals that Prometheus counts about itself, by name."""
    totals = Counter()
    with urlopen(f"{address}/metrics") as page:
        for line in page.read().decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                totals[name.partition("{")[0]] += float(value)
    return totals


def test_prometheus_takes_a_fixture_shifted_to_now_while_it_runs(incident, samples, tmp_path):
    with prometheus(tmp_path, "--web.enable-remote-write-receiver") as address:
        report = sent(incident, address, "remote-write", "--speed", 20, "--shift-to-now")
        assert report["accepted"] == sum(map(len, samples.values()))
        answer = ask(f"{address}/api/v1/query", query='{__name__=~"mesh_.*"}[1m]', time=time.time())
        found = series(answer)
        shift = timedelta(microseconds=report["shift_us"]) // timedelta(milliseconds=1)
        assert {key: [*values.values()] for key, values in found.items()} == {
            key: [*values.values()] for key, values in samples.items()
        }
        last = max(max(values) for values in found.values())
        assert abs(last - max(max(values) for values in samples.values()) - shift) <= 1
        assert -30_000 < last - time.time() * 1000 <= 1000


def test_victoria_metrics_takes_every_sample_by_remote_write(incident, samples):
    with victoria_metrics() as address:
        assert sent(incident, address, "remote-write", "--fast")["accepted"] == sum(map(len, samples.values()))
        path = f"{address}/api/v1/export?match[]=%7B__name__%3D~%22mesh_.*%22%7D&start=0"
        urlopen(f"{address}/internal/force_flush").close()
        found = {}
        with urlopen(path) as lines:
            for each in map(json.loads, lines):
                labels = each["metric"]
                times = zip(each["timestamps"], each["values"], strict=True)
                found[labels.pop("__name__"), *sorted(labels.items())] = dict(times)
        assert found == samples


def items(path, body):
    """Return the content of an OTLP request, by kind."""

    if path == "/v1/traces":
        request = ExportTraceServiceRequest.FromString(body)
        return [
            ("traces", span.span_id.hex()) for r in request.resource_spans for s in r.scope_spans for span in s.spans
        ]
    if path == "/v1/logs":
        request = ExportLogsServiceRequest.FromString(body)
        records = [log for r in request.resource_logs for s in r.scope_logs for log in s.log_records]
        return [("events" if log.event_name else "logs", log.time_unix_nano) for log in records]
    request = ExportMetricsServiceRequest.FromString(body)
    metrics = [metric for r in request.resource_metrics for s in r.scope_metrics for metric in s.metrics]
    return [
        ("metrics", point.time_unix_nano)
        for metric in metrics
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    ]


def test_a_collector_takes_all_three_signals_and_passes_every_record_on(incident, tmp_path):
    with collector(tmp_path) as (address, far):
        report = sent(incident, f"http://{address}", "otlp-http", "--fast")
        deadline = time.monotonic() + 20
        passed = []
        while len(passed) < report["accepted"] and time.monotonic() < deadline:
            time.sleep(0.2)
            got = [(f"/v1/{signal}", body) for signal, bodies in far.bodies.items() for body in list(bodies)]
            passed = [item for path, body in got for item in items(path, body)]
    assert report["rejected"] == 0
    assert len(passed) == report["accepted"]
    counts = Counter(kind for kind, _ in passed)
    files = Fixture(incident).manifest["files"]
    for kind in ("logs", "traces", "events"):
        assert counts[kind] == files[f"{kind}.ndjson"]["records"]
    assert counts["metrics"] >= files["metrics.ndjson"]["records"]
    spans = {span["span_id"] for span in Fixture(incident).traces()}
    assert {name for kind, name in passed if kind == "traces"} == spans


# -- stand-ins -----------------------------------------------------------------------------------------------------


def loki(got):
    """Answer as Loki's push API would: each stream in order of time, few labels, metadata as strings."""
    assert (got.path, got.headers["content-type"]) == ("/loki/api/v1/push", "application/json")
    assert len(got.body) < 4_000_000
    content = json.loads(got.body)
    assert content.keys() == {"streams"}
    for stream in content["streams"]:
        assert stream.keys() == {"stream", "values"} and stream["values"]
        assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) for label in stream["stream"])
        times = [int(time) for time, *_ in stream["values"]]
        assert times == sorted(times) and all(isinstance(value[0], str) for value in stream["values"])
        for _, line, metadata in stream["values"]:
            assert isinstance(line, str)
            assert all(isinstance(text, str) for text in (*metadata, *metadata.values()))
    return Say(204)


def test_loki_gets_every_line_and_every_event(incident):
    with receiver(loki) as (address, heard):
        report = sent(incident, address, "loki", "--fast")
    streams = [stream for got in heard for stream in json.loads(got.body)["streams"]]
    found = {"logs": [], "events": []}
    for stream in streams:
        for at, line, more in stream["values"]:
            found[stream["stream"]["source"]].append((stream["stream"]["service_name"], int(at), line, more))
    fixture = Fixture(incident)
    assert report["accepted"] == sum(map(len, found.values()))

    def nanoseconds(record):
        return (
            (datetime.fromisoformat(record["timestamp"]) - datetime(1970, 1, 1, tzinfo=UTC))
            // timedelta(microseconds=1)
            * 1000
        )

    metadata = ("trace_id", "span_id", "replica", "logger")
    expected = [
        (log["service"], nanoseconds(log), log["message"], {key: log[key] for key in metadata if log[key]})
        for log in fixture.logs()
    ]
    assert sorted(found["logs"], key=str) == sorted(expected, key=str)
    assert sorted((name, at, line) for name, at, line, _ in found["events"]) == sorted(
        (event["service"], nanoseconds(event), event["details"]) for event in fixture.events()
    )
    assert len({tuple(stream["stream"].items()) for stream in streams}) < 60


class Elastic:
    """Accepts bulks as Elasticsearch's API would, but rejects some documents as too many at first."""

    def __init__(self, busy=0):
        self.documents = {}
        self._busy = busy

    def __call__(self, got):
        assert (got.path, got.headers["content-type"]) == ("/_bulk", "application/x-ndjson")
        assert got.body.endswith(b"\n")
        lines = [json.loads(line) for line in got.body.splitlines()]
        results = [self._take(action, document) for action, document in zip(lines[::2], lines[1::2], strict=True)]
        errors = any("error" in result["create"] for result in results)
        return Say(200, json.dumps({"took": 1, "errors": errors, "items": results}).encode())

    def _take(self, action, document):
        place = action["create"]["_index"], action["create"]["_id"]
        assert re.fullmatch("[a-z][a-z0-9-]*", place[0])
        assert datetime.fromisoformat(document["@timestamp"])
        if place in self.documents:
            error = {"type": "version_conflict_engine_exception", "reason": "document already exists"}
            return {"create": {"status": 409, "error": error}}
        if self._busy:
            self._busy -= 1
            return {"create": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}}
        self.documents[place] = document
        return {"create": {"status": 201}}


def documents(fixture):
    """Return all records as documents, by kind."""
    return {
        f"mesh-{kind}": [
            {("@timestamp" if key == "timestamp" else key): value for key, value in record.items()}
            for record in getattr(fixture, kind)()
        ]
        for kind in ("metrics", "logs", "traces", "events")
    }


def test_elasticsearch_has_every_record_once_even_if_it_is_busy_and_if_all_is_sent_twice(incident, monkeypatch):
    monkeypatch.setattr(delivery, "_FIRST", 0.01)
    elastic = Elastic(busy=700)
    expected = documents(Fixture(incident))
    with receiver(elastic) as (address, _):
        first = sent(incident, address, "elasticsearch", "--fast")
        again = sent(incident, address, "elasticsearch", "--fast")
    found = defaultdict(list)
    for (index, _), document in elastic.documents.items():
        found[index].append(document)
    count = sum(map(len, expected.values()))
    assert (first["accepted"], again["accepted"]) == (count, count)

    def texts(all_of_them):
        return {index: sorted(json.dumps(each, sort_keys=True) for each in some) for index, some in all_of_them.items()}

    assert texts(found) == texts(expected)


# -- errors --------------------------------------------------------------------------------------------------------


class Script:
    """Gives the scripted answers in turn, then success. Records how long the sender waited."""

    def __init__(self, *answers):
        self._answers = iter(answers)

    def __call__(self, got):
        return next(self._answers, Say())


@pytest.fixture
def waits(monkeypatch):
    """Record how long the sender would have waited each time, without waiting."""
    slept = []
    now = [0.0]

    def sleep(seconds):
        slept.append(round(seconds, 3))
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return slept


def test_a_receiver_that_asks_to_wait_gets_the_same_request_when_it_said(incident, waits):
    dates = {"Date": "Mon, 15 Jan 2024 10:30:00 GMT", "Retry-After": "Mon, 15 Jan 2024 10:30:05 GMT"}
    script = Script(Say(), Say(429, headers={"Retry-After": "7"}), Say(503), Say(503, headers=dates), None, Say(502))
    with receiver(script) as (address, heard):
        report = sent(incident, address, "otlp-http", "--fast")
    assert waits == [7.0, 1.0, 5.0, 4.0, 8.0]
    assert len({got.body for got in heard[1:7]}) == 1 and heard[7].body != heard[6].body
    assert len(heard) == report["requests"] + 5


def test_what_is_rejected_of_a_request_that_is_taken_is_counted_and_not_sent_again(incident, waits):

    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans, partial.partial_success.error_message = 3, "too late"
    traces = iter([Say(200, partial.SerializeToString())])
    with receiver(lambda got: next(traces, Say()) if got.path == "/v1/traces" else Say()) as (address, heard):
        status, out, error = call(incident, address, "otlp-http", "--fast")
    total = sum(len(items(got.path, got.body)) for got in heard)
    assert (status, out, waits) == (2, "", [])
    assert error == f"{address}/: accepted {total - 3} in {len(heard)} requests, rejected 3: too late\n"


@pytest.mark.parametrize(
    ("protocol", "answer", "message"),
    [
        ("otlp-http", Say(400, b"bad\n data"), "/v1/traces: refused: 400 Bad Request: bad data"),
        ("otlp-http", Say(200, b"<html>"), "/v1/traces: its answer does not follow this protocol"),
        ("remote-write", Say(400, b"out of bounds"), "/api/v1/write: refused: 400 Bad Request: out of bounds"),
        ("loki", Say(302, headers={"Location": "/login"}), "/loki/api/v1/push: refused: 302 Found"),
        ("elasticsearch", Say(401), "/_bulk: refused: 401 Unauthorized"),
        ("elasticsearch", Say(200, b"{}"), "/_bulk: its answer does not follow this protocol"),
    ],
)
def test_a_receiver_that_refuses_ends_it_with_its_reason(incident, waits, protocol, answer, message):
    with receiver(lambda got: answer) as (address, heard):
        assert call(incident, address, protocol, "--fast") == (2, "", f"{address}{message}\n")
    assert (len(heard), waits) == (1, [])


def test_patience_ends(incident, waits):
    with receiver(Script(Say(), *[Say(503, b"later")] * 50)) as (address, heard):
        status, _, error = call(incident, address, "otlp-http", "--fast", "--patience", "20s")
    assert (status, waits) == (2, [0.5, 1.0, 2.0, 4.0, 8.0])
    first, count = error.splitlines()
    assert first == f"{address}{heard[-1].path}: 503 Service Unavailable: later"
    assert re.fullmatch(rf"{address}/: accepted \d+ in 1 request", count)


def test_where_nothing_listens_it_ends_at_once(incident, waits):
    port = free_port()
    status, out, error = call(incident, f"http://me:secret@127.0.0.1:{port}", "loki", "--fast")
    assert (status, out, waits) == (2, "", [])
    assert error == f"http://127.0.0.1:{port}/loki/api/v1/push: cannot be reached: [Errno 111] Connection refused\n"


@pytest.mark.parametrize("protocol", ["otlp-http", "remote-write"])
def test_it_goes_on_where_it_stopped(incident, tmp_path, waits, protocol):
    """Both calls together send what one would, to the byte, counters and histograms too; the second may be faster."""
    state = tmp_path / "state.json"
    ok = Say()
    with receiver(lambda got: ok) as (address, whole):
        report = sent(incident, address, protocol, "--speed", 10)
    refusing = [ok, ok, Say(400), *[ok] * 1000]
    with receiver(Script(*refusing)) as (address, heard):
        status, _, error = call(incident, address, protocol, "--speed", 10, "--state", state)
        assert (status, error.splitlines()[1].endswith(" in 2 requests")) == (2, True)
        del heard[2]
        rest = sent(incident, address, protocol, "--fast", "--state", state)
        assert [got.body for got in heard] == [got.body for got in whole]
        assert (rest["accepted"], rest["requests"]) == (report["accepted"], report["requests"])
        assert sent(incident, address, protocol, "--state", state) == rest
        assert len(heard) == len(whole)
        other = next(name for name in PROTOCOLS if name != protocol)
        assert call(incident, address, other, "--state", state)[2] == f"{state}: belongs to another protocol\n"


def test_a_killed_sender_is_followed_by_one_that_goes_on(incident, tmp_path):
    state = tmp_path / "state.json"
    elastic = Elastic()
    with receiver(elastic) as (address, heard):
        command = [sys.executable, "run.py", "send", str(incident), "--to", address, "--protocol", "elasticsearch"]
        process = subprocess.Popen([*command, "--speed", "2", "--state", str(state)], cwd=ROOT)
        deadline = time.monotonic() + 120
        while len(heard) < 6 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(heard)
        report = sent(incident, address, "elasticsearch", "--speed", 1000, "--state", state)
    assert before < report["requests"] <= len(heard) <= report["requests"] + 1
    assert len(elastic.documents) == report["accepted"] == sum(map(len, documents(Fixture(incident)).values()))


# -- pace and the command ------------------------------------------------------------------------------------------


def test_records_are_sent_as_they_followed_each_other(incident, waits):
    with receiver(lambda got: Say()) as (address, heard):
        sent(incident, address, "remote-write", "--speed", 4)
    context = reading.context(incident)
    seconds = [batch.clock for batch in slices(reading.batches(incident), context.start, 1.0) if len(batch.metrics)]
    assert len(heard) == len(seconds) == 20
    assert waits == [0.25] * 19


def test_headers_reach_the_receiver_and_a_path_is_kept(incident, waits):
    with receiver(lambda got: Say()) as (address, heard):
        options = ["--header", "X-Scope-OrgID: me", "--header", "Authorization: Bearer x:y", "--fast"]
        sent(incident, f"{address}/otel/", "otlp-http", *options)
    assert {got.path for got in heard} == {"/otel/v1/traces", "/otel/v1/logs", "/otel/v1/metrics"}
    assert {(got.headers["x-scope-orgid"], got.headers["authorization"]) for got in heard} == {("me", "Bearer x:y")}


def test_a_case_of_a_data_set_is_sent_by_either_of_its_folders(small_cases, waits):
    folder, made, _ = small_cases
    telemetry, truth = (folder / tree / made[0].answer["case"] for tree in ("telemetry", "truth"))
    bodies = []
    for case in (telemetry, truth):
        with receiver(lambda got: Say()) as (address, heard):
            sent(case, address, "otlp-http", "--fast")
        bodies.append([got.body for got in heard])
    assert bodies[0] == bodies[1] != []


def test_every_protocol_can_be_asked_for():
    option = next(parameter for parameter in send.params if parameter.name == "protocol")
    assert list(option.type.choices) == [*PROTOCOLS]


def test_what_cannot_be_sent_is_told_in_a_line(incident, tmp_path):
    address = "an address begins with http:// or https:// and the name of a host\n"
    assert call(incident, "localhost:4318", "otlp-http") == (2, "", address)
    assert call(incident, "http://", "otlp-http") == (2, "", address)
    assert call(incident, "http://[::1", "otlp-http")[2].startswith("not an address: ")
    assert call(tmp_path, "http://h", "loki") == (2, "", f"{tmp_path}: not a fixture: it has no manifest.json\n")
    state = tmp_path / "state"
    state.write_text("{}")
    assert call(incident, "http://h", "loki", "--state", state)[2].startswith(f"{state}: missing key 'fixture'\n")
    copy = shutil.copytree(incident, tmp_path / "copy")
    with (copy / "logs.ndjson").open("ab") as file:
        file.write(b"{}\n")
    assert "logs.ndjson has" in call(copy, "http://h", "loki")[2]


def test_a_case_of_which_the_truth_was_withheld_is_sent_as_the_same_fixture(small_cases, tmp_path):
    """A transfer that began with the truth beside the telemetry continues without it."""
    folder = small_cases[0]
    case = next((folder / "telemetry").iterdir())
    alone = shutil.copytree(case, tmp_path / "given" / case.name)
    with receiver(lambda got: Say()) as (address, heard):
        first = sent(alone, address, "otlp-http", "--fast")
        bodies = [got.body for got in heard]
        assert sent(case, address, "otlp-http", "--fast", "--state", tmp_path / "state") == first
        assert [got.body for got in heard] == [*bodies, *bodies] != []
        assert (
            sent(alone, address, "otlp-http", "--fast", "--state", tmp_path / "state")["accepted"] == first["accepted"]
        )
        assert len(heard) == 2 * len(bodies)
