"""An OpenRCA tree: its layout, columns and units are those described in OpenRCA's prompts."""

import csv
from collections import defaultdict
from datetime import UTC, datetime

import pytest
from exported import export, own_name, records, write
from incident import short

from meshquake.exporters.fixtures import reading
from meshquake.exporters.formats import context, openrca
from meshquake.exporters.formats.semconv import span_name

DAY = "telemetry/2024_01_15"
KPI = ["timestamp", "cmdb_id", "kpi_name", "value"]


@pytest.fixture(scope="module")
def system(incident, tmp_path_factory):
    return export(incident, "openrca", tmp_path_factory.mktemp("openrca") / "system", truth=True)


def table(system, name):
    with (system / DAY / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def epoch(record):
    return datetime.fromisoformat(record["timestamp"]).timestamp()


def test_the_tree_has_the_tables_of_each_day_with_their_documented_columns(system):
    columns = {}
    for path in sorted((system / "telemetry").rglob("*.csv")):
        columns[str(path.relative_to(system / DAY))] = path.read_text(encoding="utf-8").split("\n")[0].split(",")
    span = "timestamp cmdb_id span_id trace_id duration type status_code operation_name parent_span"
    assert columns == {
        "log/log_service.csv": ["log_id", "timestamp", "cmdb_id", "log_name", "value"],
        "metric/metric_container.csv": KPI,
        "metric/metric_mesh.csv": KPI,
        "metric/metric_runtime.csv": KPI,
        "metric/metric_service.csv": ["service", "timestamp", "rr", "sr", "mrt", "count"],
        "trace/trace_span.csv": span.split(),
    }


def test_every_metric_is_in_the_table_of_what_it_measures(system, incident):
    expected = defaultdict(list)
    for record in records(incident, "metrics"):
        name, component = "runtime", record["service"]
        if record["target"] is not None:
            name = "mesh"
            component = f"{record['replica'] or record['service']}.source.{record['service']}.{record['target']}"
        elif record["replica"] is not None:
            name, component = "container", record["replica"]
        expected[name].append((epoch(record), component, record["metric"], record["value"]))
    for name, rows in expected.items():
        read = [
            (float(row["timestamp"]), row["cmdb_id"], row["kpi_name"], float(row["value"]))
            for row in table(system, f"metric/metric_{name}.csv")
        ]
        assert read == rows


def test_requests_of_a_service_are_those_of_its_spans(system, incident):
    ended = defaultdict(list)
    for span in records(incident, "traces"):
        if span["kind"] == "server":
            ended[int(epoch(span) + span["duration_ms"] / 1000 + 1e-7) + 1, span["service"]].append(span)
    last = max(map(epoch, records(incident, "metrics")))
    expected = {
        key: (
            len(spans),
            pytest.approx(sum(span["duration_ms"] for span in spans) / len(spans), abs=0.001),
            pytest.approx(100 * sum(span["status"] == "success" for span in spans) / len(spans), abs=0.001),
        )
        for key, spans in ended.items()
        if key[0] <= last
    }
    rows = table(system, "metric/metric_service.csv")
    read = {
        (int(row["timestamp"]), row["service"]): (int(row["count"]), float(row["mrt"]), float(row["sr"]))
        for row in rows
    }
    assert read == expected
    assert all(float(row["sr"]) <= float(row["rr"]) <= 100 for row in rows)


def test_spans_have_milliseconds_and_durations_microseconds(system, incident):
    topology = reading.context(incident).topology
    services = {service.name: service for service in topology.services}
    for row, span in zip(table(system, "trace/trace_span.csv"), records(incident, "traces"), strict=True):
        callee = span["peer"] if span["kind"] == "client" else span["service"]
        name, kind, status = f"{callee}/{own_name(span)}", "http", str(span["status_code"])
        if span["kind"] == "internal":
            name, kind = own_name(span), "internal"
        elif callee in ("database", "cache-service"):
            kind = "db"
        elif (stack := services[callee].built_with) is not None:
            operation = next(each for each in services[callee].operations if each.name == own_name(span))
            name = span_name(services[callee], operation)
            if stack.framework == "grpc":
                kind, status = "rpc", row["status_code"]
                assert (status == "0") == (span["status"] == "success")
        assert row == {
            "timestamp": str(int(epoch(span) * 1000 + 1e-4)),
            "cmdb_id": span["replica"] or span["service"],
            "span_id": span["span_id"],
            "trace_id": span["trace_id"],
            "duration": str(round(span["duration_ms"] * 1000)),
            "type": kind,
            "status_code": status,
            "operation_name": name,
            "parent_span": span["parent_span_id"] or "",
        }


def test_log_lines_and_events_are_numbered_in_order_of_time(system, incident):
    rows = table(system, "log/log_service.csv")
    logs, events = records(incident, "logs"), records(incident, "events")
    assert [int(row["log_id"]) for row in rows] == list(range(len(logs) + len(events)))
    times = [int(row["timestamp"]) for row in rows]
    assert times == sorted(int(epoch(each)) for each in (*logs, *events))
    lines = [row["value"] for row in rows if row["log_name"].endswith("_application")]
    assert [line.split(", trace_id: ")[0] for line in lines] == [
        f"severity: {log['level'].lower()}, message: {log['message']}" for log in logs
    ]
    assert [row["cmdb_id"] for row in rows if row["log_name"].endswith("_event")] == [
        event["replica"] or event["service"] for event in events
    ]


def test_a_recording_over_midnight_has_two_days(tmp_path):
    start = datetime(2024, 1, 15, 23, 59, 50, tzinfo=UTC)
    simulation = short(start=start, batch=3000)
    batches = list(simulation.batches())
    write(batches, openrca.sink(tmp_path, context.of(simulation)))
    assert sorted(path.name for path in (tmp_path / "telemetry").iterdir()) == ["2024_01_15", "2024_01_16"]
    midnight = datetime(2024, 1, 16, tzinfo=UTC).timestamp() * 1000
    before, after = (
        [int(line.split(",")[0]) for line in path.read_text().splitlines()[1:]]
        for path in sorted(tmp_path.rglob("trace_span.csv"))
    )
    assert len(before) + len(after) == sum(len(batch.traces) for batch in batches)
    assert before[-1] < midnight <= after[0]


def test_what_was_wrong_is_recorded_only_if_the_truth_is_asked_for(system, incident, tmp_path):
    with (system / "record.csv").open(encoding="utf-8", newline="") as file:
        (cause,) = csv.DictReader(file)
    assert cause == {
        "level": "service",
        "component": "database",
        "timestamp": str(int(datetime(2024, 1, 15, 10, 30, 5, tzinfo=UTC).timestamp())),
        "datetime": "2024-01-15 10:30:05",
        "reason": "slow",
    }
    assert [path.name for path in export(incident, "openrca", tmp_path / "system").iterdir()] == ["telemetry"]
