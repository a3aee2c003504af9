"""A case: RCAEval's and BARO's own packages read it, and rank."""

import math
from collections import defaultdict
from datetime import datetime
from statistics import fmean

import numpy as np
import pytest
from exported import export, own_name, records
from incident import short

NO_PACKAGE = "is not installed (PyPI: RCAEval, fse-baro)"
FAULT = 1705314605


def epoch(record):
    return datetime.fromisoformat(record["timestamp"]).timestamp()


@pytest.fixture(scope="module")
def case(incident, tmp_path_factory):
    return export(incident, "rcaeval", tmp_path_factory.mktemp("rcaeval") / "case", truth=True)


@pytest.fixture(scope="module")
def rcaeval():
    return pytest.importorskip("RCAEval.utility", reason=f"RCAEval {NO_PACKAGE}")


@pytest.fixture(scope="module")
def measured(incident):
    """Return each column by time, over the last minute: metrics unchanged, and percentiles of the spans."""
    limits = {service.name: service.memory.limit for service in short().topology.services}
    gauges, rates, shares, durations = defaultdict(dict), defaultdict(dict), defaultdict(dict), defaultdict(list)
    disks = defaultdict(float)
    for record in records(incident, "metrics"):
        at, service, value = epoch(record), record["service"], record["value"]
        if record["metric"] in ("disk_read", "disk_written"):
            disks[service, at] += value
        if record["replica"] is not None or record["target"] is not None:
            continue
        match record["metric"]:
            case "cpu_usage":
                rates[service, "cpu"][at] = value
            case "memory_usage":
                gauges[f"{service}_mem"][at] = pytest.approx(value / 100 * limits[service], abs=1)
            case "open_sockets":
                gauges[f"{service}_socket"][at] = value
            case "request_rate":
                rates[service, "workload"][at] = value
            case "error_rate":
                shares[service][at] = value / 100
    for (service, at), value in disks.items():
        rates[service, "diskio"][at] = value
    for service, of in shares.items():
        rates[service, "error"] = {at: share * rates[service, "workload"][at] for at, share in of.items()}
    for span in records(incident, "traces"):
        if span["kind"] == "server":
            end = epoch(span) + span["duration_ms"] / 1000
            durations[span["service"]].append((int(end + 1e-7) + 1, span["duration_ms"] / 1000))
    found = gauges
    for (service, measure), of in rates.items():
        for at in of:
            known = [value for other, value in of.items() if at - 60 < other <= at]
            tolerance = 0.5 if measure == "diskio" else 0.001
            found[f"{service}_{measure}"][at] = pytest.approx(fmean(known), abs=tolerance)
        for at in rates[service, "workload"]:
            known = [length for other, length in durations[service] if at - 60 < other <= at]
            for percent in (50, 90) if known else ():
                value = pytest.approx(np.percentile(known, percent), abs=1e-6)
                found[f"{service}_latency-{percent}"][at] = value
    return found


def columns_of(frame):
    """Return the values of each column by time, without missing ones."""
    times = frame["time"].tolist()
    return {
        name: {at: value for at, value in zip(times, frame[name].tolist(), strict=True) if not math.isnan(value)}
        for name in frame.columns
        if name != "time"
    }


def test_rcaeval_reads_the_metrics_of_every_service(case, rcaeval, measured):
    frame = rcaeval.read_metrics(case)
    assert frame["time"].is_monotonic_increasing and str(frame["time"].dtype) == "int64"
    assert columns_of(frame) == measured


def test_the_table_of_metrics_holds_the_same(case, measured):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(case / "simple_metrics.csv")
    assert {name: column for name, column in columns_of(frame).items() if column} == measured
    assert [name for name in frame.columns if "time" in name] == ["time"]
    assert all(name.count("_") == 1 for name in frame.columns if name != "time")


def test_rcaeval_reads_logs_and_events_in_order_of_time(case, rcaeval, incident):
    frame = rcaeval.read_logs(case)
    logs = [(each["service"], each["level"], each["message"]) for each in records(incident, "logs")]
    events = [(each["service"], each["details"]) for each in records(incident, "events")]
    lines = list(frame[["container_name", "level", "message"]].itertuples(index=False, name=None))
    assert len(lines) == len(logs) + len(events)
    assert set(logs) <= set(lines)
    assert set(events) <= {(service, message) for service, _, message in lines}
    times = frame["timestamp"].astype("int64")
    assert times.is_monotonic_increasing
    assert (times // 10**9 == frame["time"].astype("int64")).all()


def status(span):
    """Return gRPC's number for the only service that speaks gRPC, and HTTP's status elsewhere."""
    if span["kind"] == "internal" or not span["operation"].startswith("inventory-service."):
        return str(span["status_code"])
    return {200: "0", 500: "13", 502: "14", 503: "14", 504: "4"}[span["status_code"]]


def test_rcaeval_reads_every_span(case, rcaeval, incident):
    frame = rcaeval.read_traces(case)
    rows = frame[["traceID", "spanID", "parentSpanID", "serviceName", "methodName", "statusCode"]]
    keys = ("trace_id", "span_id", "parent_span_id", "service", "operation", "status_code")
    spans = [span | {"operation": own_name(span), "status_code": status(span)} for span in records(incident, "traces")]
    read = [tuple(None if isinstance(cell, float) else cell for cell in row) for row in rows.itertuples(index=False)]
    assert read == [tuple(span[key] for key in keys) for span in spans]
    times = frame[["startTime", "startTimeMillis", "duration"]].astype("int64").itertuples(index=False)
    for row, span in zip(times, spans, strict=True):
        start = round(epoch(span) * 1e6)
        assert tuple(row) == (start, start // 1000, round(span["duration_ms"] * 1000))


def test_baro_reads_the_case_and_ranks(case, capsys):
    """The ranking itself is BARO's business; the test prints it."""
    utility = pytest.importorskip("baro.utility", reason=f"BARO {NO_PACKAGE}")
    analysis = pytest.importorskip("baro.root_cause_analysis")
    data = utility.read_data(str(case / "simple_metrics.csv"))
    injected = int((case / "inject_time.txt").read_text())
    assert injected == FAULT
    assert len(data) == 20 and (data["time"] >= injected).sum() == 16
    ranks = analysis.robust_scorer(data, inject_time=injected)["ranks"]
    assert set(ranks) <= set(data.columns)
    place = utility.to_service_ranks(ranks).index("database") + 1
    with capsys.disabled():
        print(f"\nBARO puts the database, which is slow, at place {place}: {', '.join(ranks[:5])}")


def test_when_the_fault_began_is_said_only_if_the_truth_is_asked_for(case, incident, tmp_path):
    telemetry = {"logs.csv", "metrics.json", "simple_metrics.csv", "traces.csv"}
    assert {path.name for path in case.iterdir()} == telemetry | {"inject_time.txt"}
    assert {path.name for path in export(incident, "rcaeval", tmp_path / "case").iterdir()} == telemetry
