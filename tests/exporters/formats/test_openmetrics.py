"""Prometheus, VictoriaMetrics and the official parser find every sample of the fixture in its OpenMetrics file."""

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import pytest
from exported import export, records, write
from incident import short
from monitoring import ask, program, prometheus, victoria_metrics

from meshquake.exporters.formats import context, openmetrics
from meshquake.exporters.formats.prometheus_names import FAMILIES
from meshquake.sim.telemetry.metrics import METRICS


@pytest.fixture(scope="module")
def file(incident, tmp_path_factory):
    return export(incident, "openmetrics", tmp_path_factory.mktemp("openmetrics") / "out") / openmetrics.NAME


def seconds(timestamp):
    return datetime.fromisoformat(timestamp).timestamp()


def level(record):
    """Return the prefix of the name of a record's family; that of a node's says its level."""
    if record["service"] == "node-exporter":
        return "mesh"
    words = [word for word, key in (("replica", "replica"), ("edge", "target")) if record[key] is not None]
    return "_".join(["mesh", *(words or ["service"])])


def labels(record):
    return tuple((key, record[key]) for key in ("replica", "service", "target") if record[key] is not None)


def counted(spans):
    """Count the requests, errors, retries and timeouts that ended by each second, by series, from the spans alone."""
    counts = Counter()
    for span in spans:
        at = int(seconds(span["timestamp"]) + span["duration_ms"] / 1000 + 1e-7) + 1
        if span["kind"] == "server":
            names = {"requests": True, "errors": span["status"] == "error"}
            series = [("service", (("service", span["service"]),))]
            if span["replica"]:
                series.append(("replica", (("replica", span["replica"]), ("service", span["service"]))))
        else:
            names = {"retries": span["attempt"] > 1, "timeouts": span["error_type"] == "timeout"}
            series = [("edge", (("service", span["service"]), ("target", span["peer"])))]
        for name, counts_here in names.items():
            for prefix, key in series:
                counts[f"mesh_{prefix}_{name}_total", key, at] += counts_here
    return counts


_OF_SPANS = ("requests", "errors", "retries", "timeouts")


@pytest.fixture(scope="module")
def expected(incident):
    """Return the samples of each series: name and labels, then value by time in whole seconds."""
    counts, totals, series = counted(records(incident, "traces")), Counter(), {}
    for record in records(incident, "metrics"):
        family = FAMILIES[record["metric"]]
        key = f"{level(record)}_{family.name}{family.suffix}", labels(record)
        at = round(seconds(record["timestamp"]))
        if family.type == "counter":
            totals[key] += counts[*key, at] if family.name in _OF_SPANS else round(record["value"])
            value = totals[key] if record["metric"] != "pod_restarts" else record["value"]
        else:
            value = record["value"] / {"%": 100, "ms": 1000}.get(record["unit"], 1)
        series.setdefault(key, {})[at] = pytest.approx(value, abs=1e-9)
    return series


def found(name, labels, samples):
    """Return a series in the form of `expected`."""
    return (name, tuple(sorted(labels.items()))), {round(float(at)): float(value) for at, value in samples}


def test_the_official_parser_takes_the_text_and_finds_every_sample_under_its_name_and_with_its_value(file, expected):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser", reason="prometheus-client is not installed")
    series = {}
    for family in parser.text_string_to_metric_families(file.read_text(encoding="utf-8")):
        assert family.documentation
        assert family.unit == "" or family.name.endswith(f"_{family.unit}")
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            series.setdefault(key, {})[round(float(sample.timestamp))] = sample.value
    assert series == expected


def blocks(file, folder):
    """Return promtool's list of the blocks that it makes: a row per block, in milliseconds."""
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    heading, *rows = done.stdout.splitlines()
    assert heading.split()[2:6] == ["MIN", "TIME", "MAX", "TIME"]
    return [
        {"least": int(row[1]), "most": int(row[2]) - 1, "samples": int(row[4])} for row in map(str.split, rows)
    ]  # a block ends a millisecond after its last sample


def test_promtool_drops_no_sample_though_the_recording_lies_in_two_blocks(tmp_path):
    start = datetime(2024, 1, 15, 11, 59, 50, tzinfo=UTC)
    simulation = short(start=start, batch=3000)
    batches = list(simulation.batches())
    write(batches, openmetrics.sink(tmp_path, context.of(simulation)))
    times = [seconds(time) for batch in batches for time in batch.metrics["timestamp"]]
    made = blocks(tmp_path / openmetrics.NAME, tmp_path / "data")
    assert len(made) == 2
    assert sum(block["samples"] for block in made) == len(times)
    assert min(block["least"] for block in made) == min(times) * 1000
    assert max(block["most"] for block in made) == max(times) * 1000


def test_samples_a_hundredth_of_a_second_apart_keep_their_milliseconds(tmp_path):
    simulation = short(interval=0.013, batch=100_000)
    metrics = next(simulation.batches())
    write([metrics], openmetrics.sink(tmp_path, context.of(simulation)))
    (block,) = blocks(tmp_path / openmetrics.NAME, tmp_path / "data")
    times = [round(1000 * seconds(metrics.metrics["timestamp"][row])) for row in (0, -1)]
    assert (block["least"], block["most"], block["samples"]) == (*times, len(metrics.metrics))


def test_prometheus_has_every_sample_after_its_import_and_counts_what_the_spans_say(file, tmp_path, incident, expected):
    blocks(file, tmp_path)
    with prometheus(tmp_path) as url:
        now = max(max(samples) for samples in expected.values())
        answer = ask(f"{url}/api/v1/query", query='{__name__=~"mesh_.*"}[1h]', time=now)
        series = dict(found(each["metric"].pop("__name__"), each["metric"], each["values"]) for each in answer)
        assert series == expected
        (total,) = ask(f"{url}/api/v1/query", query="sum(mesh_service_requests_total)", time=now)
        spans = [span for span in records(incident, "traces") if span["kind"] == "server"]
        ended = sum(seconds(span["timestamp"]) + span["duration_ms"] / 1000 < now for span in spans)
        assert float(total["value"][1]) == ended
        share = "sum(rate(mesh_service_errors_total[5s])) / sum(rate(mesh_service_requests_total[5s]))"
        assert len(ask(f"{url}/api/v1/query_range", query=share, start=now - 10, end=now, step=1)[0]["values"]) == 11


def test_victoria_metrics_has_every_sample_after_its_import(file, expected):
    with victoria_metrics() as url:
        with urlopen(Request(f"{url}/api/v1/import/prometheus", data=file.read_bytes()), timeout=30) as answer:
            assert answer.status == 204
        with urlopen(f"{url}/internal/force_flush", timeout=30):
            pass
        with urlopen(f"{url}/api/v1/export?match[]=%7B__name__%3D~%22mesh_.*%22%7D", timeout=30) as answer:
            lines = [json.loads(line) for line in answer]
        series = dict(
            found(
                line["metric"].pop("__name__"),
                line["metric"],
                zip([at / 1000 for at in line["timestamps"]], line["values"], strict=True),
            )
            for line in lines
        )
        assert series == expected


def test_every_metric_has_a_family_of_its_own_with_its_unit_in_its_name():
    assert len({family.name for family in FAMILIES.values()}) == len(FAMILIES)
    for name, metric in METRICS.items():
        family = FAMILIES[name]
        counter = metric.unit in ("1/s", "B/s") or name in ("error_rate", "pod_restarts")
        assert (family.type == "counter") == counter
        units = {"B/s": "bytes"} if counter else {"%": "ratio", "ms": "seconds", "B": "bytes"}
        assert family.unit == units.get(metric.unit, "")
        assert family.name.endswith(family.unit)
