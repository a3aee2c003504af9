"""Histograms of durations: exponential buckets as the data model defines them, and the same spans in explicit ones."""

import json
from collections import Counter
from dataclasses import replace
from time import monotonic, sleep

import numpy as np
import pytest
from collector import collector, post
from exported import write
from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.exporters.formats import context, otlp
from meshquake.exporters.formats.duration_histograms import FINEST, MOST, Exponential, finest
from meshquake.faults.scenario import Scenario
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse

MESH = """
name: shop
services:
  web:
    kind: gateway
    stack: go/gin
    operations: {home: {route: GET /, work: {lognormal: {median: 4ms, sigma: 2}}, calls: db.read}}
  db: {kind: database, operations: {read: {work: {lognormal: {median: 2ms, sigma: 1}}}}}
workload: {rate: 40/s, mix: {web.home: 1}}
"""
INTERVALS = st.lists(st.lists(st.integers(0, 10**11), max_size=30), min_size=1, max_size=4)


def counted(intervals):
    """Return a histogram of durations, interval by interval."""
    histogram = Exponential()
    for micros in intervals:
        buckets = finest(np.array(micros, dtype=np.int64))
        histogram.count([(int(bucket), 1, str(number), "{}") for number, bucket in enumerate(buckets)])
    return histogram


def bucket(micros, scale):
    """Compute the bucket by definition, in integers: the bound to the power of 2^scale is a power of two."""
    low, high = -(2**6) * 2**scale, 2**6 * 2**scale
    value = micros / 1e6
    while high - low > 1:
        middle = (low + high) // 2
        below = 2.0 ** (middle / 2**scale)
        low, high = (middle, high) if value > below * (1 + 1e-12) else (low, middle)
    return low


@given(intervals=INTERVALS)
@settings(deadline=None, max_examples=60)
def test_each_value_is_above_its_bucket_and_at_most_at_the_next(intervals):
    histogram = counted(intervals)
    values = [micros for each in intervals for micros in each]
    positive = [micros for micros in values if micros]
    assert histogram.zeros == len(values) - len(positive)
    assert sum(histogram.counts.values()) == len(positive)
    assert 0 < len(histogram.counts) <= MOST or not positive
    edges = np.array(sorted(histogram.counts), dtype=np.float64)
    base = 2.0**-histogram.scale
    ordered = iter(sorted(positive))
    for edge, (_, count) in zip(edges, sorted(histogram.counts.items()), strict=True):
        own = [next(ordered) / 1e6 for _ in range(count)]
        assert own[0] > 2 ** (edge * base) * (1 - 1e-9) and own[-1] <= 2 ** ((edge + 1) * base) * (1 + 1e-9)


@given(intervals=INTERVALS)
@settings(deadline=None, max_examples=60)
def test_the_scale_is_the_finest_at_which_all_values_fit_whatever_came_first(intervals):
    histogram = counted(intervals)
    places = [int(each) for each in finest(np.array([m for one in intervals for m in one if m], dtype=np.int64))]
    spans = [(max(places) >> shift) - (min(places) >> shift) + 1 for shift in range(FINEST + 11)] if places else [1]
    assert histogram.scale == FINEST - next(shift for shift, width in enumerate(spans) if width <= MOST)
    assert histogram.counts == Counter(place >> (FINEST - histogram.scale) for place in places)
    assert histogram.counts == counted(list(reversed(intervals))).counts


@pytest.mark.parametrize("power", range(-6, 8))
def test_a_power_of_two_is_the_upper_bound_of_its_bucket(power):
    micros = int(2.0**power * 1e6)
    assert micros == 2.0**power * 1e6
    at = int(finest(np.array([micros, micros + 1], dtype=np.int64))[0])
    assert at == power * 2**FINEST - 1
    assert int(finest(np.array([micros + 1]))[0]) >= power * 2**FINEST
    assert bucket(micros, 3) == at >> (FINEST - 3)


@pytest.fixture(scope="module")
def played():
    scenario = Scenario(name="quiet", duration=8.0, lead_in=0.0, recovery=0.0, seed=1)
    simulation = Simulation(scenario, parse(MESH, "shop.yaml").topology)
    return list(simulation.batches()), context.of(simulation)


def points(batches, told, folder):
    """Return the data points of histograms, by metric, attributes and time."""
    write(batches, otlp.sink(folder, told))
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return lines, {
        (
            metric["name"],
            json.dumps(resource["resource"]),
            json.dumps(point["attributes"]),
            point["timeUnixNano"],
        ): point
        for line in lines
        for resource in line["resourceMetrics"]
        for metric in resource["scopeMetrics"][0]["metrics"]
        for kind in ("histogram", "exponentialHistogram")
        for point in metric.get(kind, {"dataPoints": []})["dataPoints"]
    }


def test_both_are_of_the_same_spans_and_exemplars_are_spans_in_buckets_that_are_not_empty(played, tmp_path):
    batches, told = played
    _, explicit = points(batches, told, tmp_path / "explicit")
    _, exponential = points(batches, replace(told, histograms="exponential"), tmp_path / "exponential")
    assert len(explicit) == 16 and explicit.keys() == exponential.keys()
    spans = {row["span_id"]: row for batch in batches for row in batch.records("traces")}
    shown = 0
    for key, point in exponential.items():
        other, positive = explicit[key], point["positive"]
        assert (point["count"], point["sum"]) == (other["count"], other["sum"])
        counts = [int(each) for each in positive["bucketCounts"]]
        assert sum(counts) + int(point["zeroCount"]) == int(point["count"]) and len(counts) <= MOST
        assert counts[0] and counts[-1]
        for exemplar in point.get("exemplars", []):
            span = spans[exemplar["spanId"]]
            micros = round(span["duration_ms"] * 1000)
            assert exemplar["traceId"] == span["trace_id"]
            assert exemplar["asDouble"] == pytest.approx(micros / 1e6)
            place = int(finest(np.array([micros]))[0]) >> (FINEST - point["scale"])
            assert counts[place - positive["offset"]] > 0
            shown += 1
        assert len(point.get("exemplars", [])) <= 4
    assert shown > 40


def test_protobuf_has_them_and_a_collector_forwards_them(played, tmp_path):
    metrics_pb2 = pytest.importorskip("opentelemetry.proto.metrics.v1.metrics_pb2")
    protobuf = pytest.importorskip("meshquake.exporters.formats.otlp_protobuf")
    batches, told = played
    lines, expected = points(batches, replace(told, histograms="exponential"), tmp_path / "exponential")
    bodies = [protobuf.encode(otlp.Request("metrics", json.dumps(line).encode(), 0, 0)) for line in lines]

    def read(bodies):
        return Counter(
            (metric.name, point.time_unix_nano, point.count, point.scale, point.positive.offset)
            for body in bodies
            for resource in metrics_pb2.MetricsData.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.exponential_histogram.data_points
        )

    assert read(bodies) == Counter(
        (name, int(at), int(point["count"]), point["scale"], point["positive"]["offset"])
        for (name, _, _, at), point in expected.items()
    )
    with collector(tmp_path) as (address, far):
        for body in bodies:
            assert post(address, "metrics", body, "application/x-protobuf")[0] == 200
        patience = monotonic() + 20
        while (received := read(far.bodies["metrics"])) != read(bodies) and monotonic() < patience:
            sleep(0.2)
    assert received == read(bodies)
