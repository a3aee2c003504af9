"""Reading cases of OpenRCA 2.0: ours come back unchanged, and every command accepts those of others."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from commandline import call, files_of
from exported import export, records

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

START = datetime(2026, 5, 1, 9, 20, tzinfo=UTC)
NAMES = ("traces", "logs", "metrics")


@pytest.fixture(scope="module")
def again(incident, tmp_path_factory):
    """Export the incident and read it: returns the folder of the case, and of the resulting fixture."""
    folder = tmp_path_factory.mktemp("openrca2")
    export(incident, "openrca2", folder / "case", truth=True)
    result = call("import", folder / "case", "--format", "openrca2", "--output", folder / "read", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["left_out"] == {}
    return folder / "read"


def test_what_we_wrote_comes_back(again, incident):
    """Metrics to the last digit, lines including events, and spans except their error types."""

    def series(folder):
        return {
            tuple(each[key] for key in ("timestamp", "service", "metric", "unit", "replica", "target")): each["value"]
            for each in records(folder, "metrics")
        }

    one, other = series(incident), series(again)
    assert one.keys() == other.keys()
    assert max(abs(one[key] - other[key]) / max(1.0, abs(one[key])) for key in one) < 0.0011
    lines = [(each["timestamp"], each["service"], each["message"]) for each in records(incident, "logs")]
    events = [(each["timestamp"], each["service"], each["details"]) for each in records(incident, "events")]
    assert sorted((each["timestamp"], each["service"], each["message"]) for each in records(again, "logs")) == sorted(
        lines + events
    )
    same = ("timestamp", "trace_id", "span_id", "parent_span_id", "service", "duration_ms", "status", "kind", "peer")
    spans, read = (
        {each["span_id"]: [each[key] for key in (*same, "replica")] for each in records(folder, "traces")}
        for folder in (incident, again)
    )
    assert read == spans


def test_the_case_has_no_truth_and_says_what_is_known_of_the_mesh(again, incident):
    assert files_of(again) == [
        *("brief.md", "events.ndjson", "logs.ndjson", "metrics.ndjson", "recording.json", "traces.ndjson")
    ]
    services = json.loads((again / "recording.json").read_text(encoding="utf-8"))["topology"]["services"]
    key = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))
    assert sorted(each["name"] for each in services) == sorted(key["services"])
    assert [each["name"] for each in services if each["kind"] == "gateway"] == ["api-gateway"]
    # The time of the fault appears neither on the page nor in the brief.
    told = (again / "brief.md").read_text() + (again / "recording.json").read_text()
    assert "10:30:05" not in told and "database is" not in told


def test_exported_once_more_spans_are_called_as_they_were(again, incident, tmp_path):
    def names(folder, to):
        export(folder, "zipkin", tmp_path / to)
        spans = json.loads((tmp_path / to / "spans.json").read_text(encoding="utf-8"))
        return {each["id"]: each["name"] for each in spans if each["localEndpoint"]["serviceName"] == "api-gateway"}

    one, other = names(incident, "one"), names(again, "other")
    roots = {each["span_id"] for each in records(incident, "traces") if not each["parent_span_id"]}
    assert {other[span] for span in roots} == {one[span] for span in roots}


def test_a_case_is_served_loaded_and_sent_like_one_of_ours(again, tmp_path):
    result = call("load", again, "--into", f"sqlite:///{tmp_path / 'x.db'}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{len(records(again, 'traces'))} traces" in result.stdout


# -- foreign cases -------------------------------------------------------------------------------------------------


def span(number, parent, kind, service, name, at, took, **more):
    return {
        "time": START + timedelta(milliseconds=at),
        "trace_id": f"{1:032x}",
        "span_id": f"{number:016x}",
        "parent_span_id": f"{parent:016x}" if parent else "",
        "span_name": name,
        "attr.span_kind": kind,
        "service_name": service,
        "duration": took * 1_000_000,
        "attr.status_code": "Unset",
        "attr.k8s.pod.name": f"{service}-6d8f9c5b7-x2x{number}k",
        "attr.http.response.status_code": None,
        **more,
    }


FAILED = {"attr.status_code": "Error"}
SPANS = [
    span(1, 0, "Client", "loadgenerator", "POST", 0, 900),
    span(2, 1, "Server", "ts-ui", "POST /api/v1/orders", 10, 880, **FAILED, **{"attr.http.response.status_code": 503}),
    span(3, 2, "Client", "ts-ui", "POST", 20, 500, **FAILED),
    span(4, 3, "Server", "ts-order-service", "POST /api/v1/orders", 30, 800),
    span(5, 4, "Client", "ts-order-service", "SELECT ts.orders", 40, 700),
    span(6, 2, "Internal", "ts-ui", "render", 600, 10, **FAILED),
]


@pytest.fixture
def foreign(tmp_path):
    """Return a case as others record it: pods, a load generator, a store without spans, none of our counts."""
    folder = tmp_path / "batch-01"
    folder.mkdir()
    late = [{**each, "time": each["time"] + timedelta(minutes=3), "trace_id": f"{2:032x}"} for each in SPANS]
    frame = pl.DataFrame(SPANS, infer_schema_length=None)
    pod = SPANS[3]["attr.k8s.pod.name"]
    line = {
        "time": START + timedelta(seconds=1),
        "trace_id": "",
        "span_id": "",
        "level": "warning",
        "service_name": "ts-order-service",
        "message": "slow pool",
        "attr.k8s.pod.name": pod,
    }
    sample = {
        "time": START,
        "metric": "k8s.pod.cpu_limit_utilization",
        "value": 0.25,
        "service_name": "",
        "attr.k8s.pod.name": pod,
        "attr.k8s.node.name": "worker-1",
        "attr.destination_workload": "",
        "attr.k8s.deployment.name": "ts-order-service",
        "attr.k8s.statefulset.name": "",
    }
    samples = [{**sample, "time": START + timedelta(seconds=10 * number)} for number in range(4)]
    samples.append({**sample, "metric": "hubble_drop_total"})
    for window, spans in (("normal", frame), ("abnormal", pl.DataFrame(late, schema=frame.schema))):
        spans.write_parquet(folder / f"{window}_traces.parquet")
        lines = [line] if window == "normal" else [{**line, "time": START + timedelta(minutes=4)}]
        pl.DataFrame(lines).write_parquet(folder / f"{window}_logs.parquet")
        pl.DataFrame(samples).write_parquet(folder / f"{window}_metrics.parquet")
    return folder


def read(folder, output):
    return call("import", folder, "--format", "openrca2", "--output", output)


def test_a_case_of_others_is_read(foreign, tmp_path):
    result = read(foreign, tmp_path / "read")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 samples of metrics that have no name here: hubble_drop_total" in " ".join(result.stdout.split())
    spans = [each for each in records(tmp_path / "read", "traces") if each["trace_id"].endswith("1")]
    found = {int(each["span_id"], 16): each for each in spans}
    # The load generator is the users: its span is removed, and the trace begins with the request that it made.
    assert sorted(found) == [2, 3, 4, 5, 6]
    assert [found[2][key] for key in ("parent_span_id", "peer", "status_code", "error_type")] == [
        *(None, None, 503, "unavailable")
    ]
    # The callee's half succeeded, so the caller had given up.
    assert [found[3][key] for key in ("peer", "operation", "error_type")] == [
        *("ts-order-service", "ts-order-service.POST /api/v1/orders", "timeout")
    ]
    assert (found[4]["peer"], found[4]["replica"]) == ("ts-ui", "ts-order-service-0")
    # No span was ever seen below it: the call counts as its caller's own work.
    assert (found[5]["kind"], found[5]["peer"]) == ("internal", None)
    assert (found[6]["error_type"], found[6]["status_code"]) == ("internal", 500)
    assert {each["level"] for each in records(tmp_path / "read", "logs")} == {"WARN"}


def test_where_nobody_counted_requests_they_are_counted_by_spans(foreign, tmp_path):
    read(foreign, tmp_path / "read")
    samples = records(tmp_path / "read", "metrics")
    cpu = [each for each in samples if each["metric"] == "cpu_usage"]
    assert {(each["service"], each["replica"], each["value"]) for each in cpu} == {
        ("ts-order-service", "ts-order-service-0", 25.0)
    }
    told = json.loads((tmp_path / "read/recording.json").read_text(encoding="utf-8"))
    assert told["options"]["interval_s"] == 10
    rates = [each["value"] * 10 for each in samples if each["metric"] == "request_rate" and each["service"] == "ts-ui"]
    assert len(rates) == told["options"]["length_s"] // 10 and sum(rates) == pytest.approx(2)
    errors = [each for each in samples if each["metric"] == "error_rate" and each["value"]]
    assert [(each["service"], each["value"]) for each in errors] == [("ts-ui", 100.0)] * 2
    (slowest, _) = (each["value"] for each in samples if each["metric"] == "latency_p99" and each["service"] == "ts-ui")
    assert slowest == 880


def test_what_is_no_such_case_is_refused_with_all_that_is_wrong_and_nothing_is_left(foreign, tmp_path):
    (foreign / "normal_logs.parquet").write_text("a,b\n")
    (foreign / "abnormal_logs.parquet").unlink()
    table = pl.read_parquet(foreign / "normal_traces.parquet")
    table.drop("duration").write_parquet(foreign / "normal_traces.parquet")
    table.with_columns(trace_id=pl.lit("42")).write_parquet(foreign / "abnormal_traces.parquet")
    metrics = pl.read_parquet(foreign / "normal_metrics.parquet")
    metrics.with_columns(time=pl.lit("now")).write_parquet(foreign / "normal_metrics.parquet")
    result = read(foreign, tmp_path / "read")
    assert result.exit_code == 2 and result.stdout == ""
    one, two, three, four, five = result.stderr.splitlines()
    assert one == f"{foreign}/normal_traces.parquet: has no column duration"
    assert two.startswith(f"{foreign}/abnormal_traces.parquet: 6 spans have ids that are not")
    assert three.startswith(f"{foreign}/normal_logs.parquet: cannot be read as Parquet: ")
    assert four == f"{foreign}/abnormal_logs.parquet: is missing; every case of OpenRCA 2.0 has it"
    assert five == f"{foreign}/normal_metrics.parquet: its column time has no times"
    assert not (tmp_path / "read").exists()


def test_a_format_that_is_only_written_and_a_folder_that_is_none_are_told(foreign, tmp_path):
    result = call("import", foreign, "--format", "zipkin", "--output", tmp_path / "read")
    assert (result.exit_code, result.stderr) == (2, "format zipkin can only be written; can be read: openrca2\n")
    result = read(foreign / "normal_logs.parquet", tmp_path / "read")
    assert result.exit_code == 2 and "is not a folder" in result.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine")
    result = read(foreign, tmp_path / "full")
    assert result.exit_code == 2 and "already exists and is not empty" in result.stderr
    for path in foreign.iterdir():
        pl.read_parquet(path).clear().write_parquet(path)
    result = read(foreign, tmp_path / "read")
    assert (result.exit_code, result.stderr) == (2, f"{foreign}: its tables are empty\n")
