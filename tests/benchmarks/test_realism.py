"""The statistics that compare telemetry with that of real systems, on frames small enough to count by hand."""

from __future__ import annotations

from math import exp, log, nan, sqrt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from meshquake.benchmarks import realism
from meshquake.benchmarks import telemetry_statistics as stats
from meshquake.benchmarks.bands import Band, Row, around, rows
from meshquake.benchmarks.kept_rows import KeptRows
from meshquake.benchmarks.realism import summary, table
from meshquake.benchmarks.systems import CALLS, GARBAGE, TRACES, System
from meshquake.benchmarks.telemetry_counts import Counts, Run, Window, count, merged
from meshquake.sim.records import RECORD_KINDS
from meshquake.topology.loader import DEFAULT, shipped

START = 1_704_067_200_000_000  # 2024-01-01T00:00:00
RUN = Run(1, START, 60.0)


def at(seconds: float) -> str:
    whole = int(seconds)
    return f"2024-01-01T00:{whole // 60:02}:{whole % 60:02}.{round(seconds % 1 * 1e6):06}+00:00"


def frame(kind: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=RECORD_KINDS[kind].frame_schema)


def span(name: str, parent: str | None, kind: str, began: float = 0.0, ms: float = 1.0, **more: Any) -> dict[str, Any]:
    own = {"trace_id": "t", "service": "a", "operation": "a.get"}
    return own | {
        "timestamp": at(began), "span_id": name, "parent_span_id": parent, "kind": kind, "duration_ms": ms,
    } | more  # fmt: skip


def line(text: str, written: float = 0.0, of: str | None = None, level: str = "INFO") -> dict[str, Any]:
    trace = None if of is None else "t"
    return {"timestamp": at(written), "level": level, "message": text, "logger": "x", "trace_id": trace, "span_id": of}


def sample(metric: str, value: float, when: float = 0.0, service: str = "a") -> dict[str, Any]:
    return {"timestamp": at(when), "service": service, "metric": metric, "value": value}


def counted(
    spans: list[dict[str, Any]] | None = None,
    lines: list[dict[str, Any]] | None = None,
    metrics: list[dict[str, Any]] | None = None,
    run: Run = RUN,
) -> Counts:
    traces, logs = frame("traces", spans or []), frame("logs", lines or [])
    return count(traces, logs, frame("metrics", metrics or []), (traces, logs), run)


#: A request to `a`, which calls `b` twice; one of these calls `c`.
TREE = [
    span("1", None, "server", 0, 30),
    span("2", "1", "client", 0.001, 9),
    span("3", "2", "server", 0.002, 7, service="b"),
    span("4", "1", "client", 0.011, 9),
    span("5", "4", "server", 0.012, 7, service="b"),
    span("6", "5", "client", 0.013, 5, service="b"),
    span("7", "6", "server", 0.014, 3, service="c"),
]


def test_a_trace_has_the_shape_of_its_tree() -> None:
    counts = counted(TREE)
    assert counts.traces.to_dicts() == [{"spans": 7, "services": 3, "depth": 3, "n": 1}]
    assert dict(counts.parents.select("children", "n").iter_rows()) == {1: 4, 2: 1}


def test_a_span_whose_parent_is_missing_is_a_root_of_its_own_and_an_orphan() -> None:
    counts = counted([each for each in TREE if each["span_id"] != "4"])
    assert counts.traces["depth"].to_list() == [2]
    assert stats.share_of(counts, "orphans", "children") == 100 / 5


def test_a_callee_that_begins_before_its_call_has_another_clock() -> None:
    ahead = [each | {"timestamp": at(0.0005)} if each["span_id"] == "3" else each for each in TREE]
    assert stats.share_of(counted(TREE), "skewed", "calls") == 0
    assert stats.share_of(counted(ahead), "skewed", "calls") == pytest.approx(100 / 3)


def test_a_line_after_the_end_of_its_span_is_late_and_one_at_its_end_is_not() -> None:
    lines = [line("done", 0.030, "1"), line("done", 0.5, "1"), line("chatter", 9), line("done", 0.009, "3")]
    counts = counted(TREE, lines)
    assert stats.share_of(counts, "late", "lines") == pytest.approx(100 / 3)
    assert stats.untraced(counts) == 25
    assert stats.lines_a_span(counts) == pytest.approx(3 / 7)  # chatter has none


def test_counts_of_parts_are_those_of_the_whole() -> None:
    """However a recording is cut into batches."""
    lines = [line(f"took {number} ms", number, level=level) for number, level in enumerate(["INFO", "WARN", "INFO"])]
    metrics = [sample("error_rate", value, 10 * number) for number, value in enumerate([0.0, 2.0, 0.0])]
    whole = counted(TREE, lines, metrics)
    window, parts = Window(), []
    for low, high in ((0, 2), (2, 3), (3, 7)):
        spans, logs = frame("traces", TREE[low:high]), frame("logs", lines[low:high])
        parts.append(count(spans, logs, frame("metrics", metrics[low:high]), window.settled(spans, logs), RUN))
    none = frame("traces", []), frame("logs", [])
    parts.append(count(*none, frame("metrics", []), window.settled(*none, last=True), RUN))
    # NaN equals nothing, so the formatted rows are compared.
    assert list(table(list(rows(merged(parts), 2, System())))) == list(table(list(rows(whole, 2, System()))))


def test_what_is_observed_perfectly_agrees_and_what_is_not_does_not() -> None:
    """The ten services for a short while, played as for the table."""
    mesh = shipped()[DEFAULT]
    perfect, typical = (realism.play(mesh, 1, 40.0, 20.0, level) for level in ("perfect", "typical"))
    kinds = (("orphans", "children"), ("late", "lines"), ("skewed", "calls"))
    assert [stats.share_of(perfect, *kind) for kind in kinds] == [0, 0, 0]
    assert stats.share_of(typical, "late", "lines") > 0 < stats.share_of(typical, "skewed", "calls")
    # Every span is in one trace.
    assert (perfect.traces["n"] * perfect.traces["spans"]).sum() == perfect.times["n"].sum()


def test_a_window_lets_a_trace_go_a_minute_after_its_last_span() -> None:
    window = Window()
    early, late = frame("traces", TREE), frame("traces", [span("1", None, "server", 61, trace_id="u")])
    logs = frame("logs", [line("done", 0.030, "1")])
    assert [len(each) for each in window.settled(early, logs)] == [0, 0]
    assert [len(each) for each in window.settled(late, logs.clear())] == [7, 1]
    assert [len(each) for each in window.settled(late.clear(), logs.clear(), last=True)] == [1, 0]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.75, 2), (0.76, 5), (1.0, 5)])
def test_percentiles_are_nearest_ranks_of_what_is_counted(share: float, value: float) -> None:
    assert stats.percentile(pl.DataFrame({"x": [5, 1, 2], "n": [1, 1, 2]}), "x", share) == value


def test_a_lognormal_latency_has_its_sigma_and_its_tail() -> None:
    """At the midpoints of a thousand quantiles; e^(2.326 sigma) is p99 over p50."""
    normal = [stats_normal((number + 0.5) / 1000) for number in range(1000)]
    counts = counted([span(str(number), None, "server", 0, exp(log(20) + 0.63 * z)) for number, z in enumerate(normal)])
    assert stats.sigma(counts) == pytest.approx(0.63, abs=0.01)
    assert stats.tail(counts) == pytest.approx(exp(0.63 * 2.3263), rel=0.02)
    assert stats.span_time(counts, 0.5) == pytest.approx(20, rel=0.01)


def stats_normal(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def rates(*values: float, run: Run = RUN) -> Counts:
    """Return samples of a request rate, one per half minute."""
    return counted(metrics=[sample("request_rate", each, 30 * (n + 1)) for n, each in enumerate(values)], run=run)


def test_variation_is_that_within_recordings() -> None:
    """Of two recordings one has ten times the requests, but neither varies within itself."""
    still = merged([rates(10, 10, 10, 10), rates(1, 1, 1, 1, run=Run(2, START, 60.0))])
    assert stats.variation(stats.buckets(still, 2)["requests"]) == 0
    # 2 and 4 a second: a mean of 3, a standard deviation of sqrt(2).
    assert stats.variation(stats.buckets(rates(1, 3, 4, 4), 2)["requests"]) == pytest.approx(sqrt(2) / 3)


def test_only_whole_buckets_count() -> None:
    """Whatever ends after the recording makes no third bucket."""
    assert stats.variation(stats.buckets(rates(5, 5, 5, 5, 90), 2)["requests"]) == 0
    counts = counted([span(str(number), None, "server", 30 * number, 1 + 8 * (number == 4)) for number in range(5)])
    moved = stats.buckets(counts, 2)
    assert (stats.variation(moved["mean"]), stats.variation(moved["p99"])) == (0, 0)


def test_error_rates_are_told_by_minute_and_by_series() -> None:
    metrics = [
        *(sample("error_rate", value, when) for when, value in ((10, 0.0), (50, 4.0), (70, 0.0), (110, 0.0))),
        *(sample("error_rate", 0.0, when, "b") for when in (10, 70)),
        sample("error_rate", 9.0, 10) | {"replica": "a-0"},
    ]
    counts = counted(metrics=metrics)
    assert stats.quiet(counts) == 75
    assert stats.errors(counts) == pytest.approx((1 + 0) / 2)
    assert stats.constant(counts) == pytest.approx(200 / 3)


def test_what_nobody_does_needs_no_series_that_moves() -> None:
    """A caller that never retries or times out has two series that stay at 0, as in reality."""
    edge = {"service": "a", "target": "b"}
    metrics = [
        *(sample(metric, 0.0, when) | edge for metric in ("retry_rate", "timeout_rate") for when in (10, 20)),
        *(sample("error_rate", value, when) | edge for when, value in ((10, 0.0), (20, 1.0))),
    ]
    counts = counted(metrics=metrics)
    assert stats.constant(counts) == pytest.approx(200 / 3)
    assert stats.constant(counts, {("retry_rate", "a", "b"), ("timeout_rate", "a", "c")}) == 50
    assert stats.constant(counts, {("retry_rate", "a", "b"), ("timeout_rate", "a", "b")}) == 0


SHOP = """
name: shop
defaults: {service: {workers: 4}}
services:
  web: {kind: gateway, operations: {home: {work: {exponential: 1ms}, calls: [stock.get, price.get]}}}
  stock: {operations: {get: {work: {exponential: 1ms}, calls: price.get}}}
  price: {operations: {get: {work: {exponential: 1ms}}}}
edges:
  web -> stock: {timeout: 1s, retry: {max_attempts: 2}}
  web -> price: {overall_timeout: 1s}
workload: {rate: 1/s, mix: {web.home: 1}}
"""


def test_a_system_says_which_series_its_policies_leave_at_zero(tmp_path: Path) -> None:
    """A user's own file models no public system, so all of its statistics count."""
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP, encoding="utf-8")
    system = System.of(file)
    still = {("retry_rate", "web", "price"), ("retry_rate", "stock", "price"), ("timeout_rate", "stock", "price")}
    assert system == System(still=frozenset(still))


@pytest.mark.parametrize(
    ("mesh", "shape"),
    [
        (DEFAULT, ()),
        ("bookinfo", (*TRACES, *CALLS)),
        ("otel-demo", CALLS),
        ("train-ticket", CALLS),
        # Nothing in it is written in a garbage-collected language.
        ("social-network", (*CALLS, GARBAGE)),
    ],
)
def test_the_shape_of_a_public_system_is_its_own(mesh: str, shape: tuple[str, ...]) -> None:
    """In large public systems, though, traces should be as long as published ones."""
    assert System.of(shipped()[mesh]).shape == set(shape)


def test_shape_is_told_and_not_counted() -> None:
    system = System.of(shipped()["bookinfo"])
    found = list(rows(counted(TREE), 2, system))
    assert {row.name for row in found if row.shape} == system.shape
    lines = list(table(found))
    (depth,) = (line for line in lines if line.startswith("| depth of calls, p99 |"))
    assert depth.endswith("| shape: no |")
    assert lines[-1].endswith(f" of {len(found) - 4} rows inside, not counting shape.")
    assert f" of {len(found) - 4} | 0 of 4 |" in list(summary({"bookinfo": found}))[-1]


def test_rows_are_kept_until_the_mesh_or_how_it_is_played_changes(tmp_path: Path) -> None:
    file, found = tmp_path / "shop.yaml", [Row("one", 0.1 + 0.2, around(2.0, 4.0, "a study"), shape=True)]
    file.write_text(SHOP, encoding="utf-8")
    kept = KeptRows(tmp_path / "kept", "3 seeds")
    assert kept[file] is None
    kept[file] = found
    assert kept[file] == found
    assert KeptRows(tmp_path / "kept", "5 seeds")[file] is None
    file.write_text(SHOP.replace("1/s", "2/s"), encoding="utf-8")
    assert kept[file] is None


def test_a_mesh_that_was_played_is_not_played_again(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP, encoding="utf-8")
    once = realism.found_of(file, 1, 8.0, "typical", tmp_path / "kept")
    assert len(once) == 36
    (kept,) = (tmp_path / "kept").iterdir()
    told = kept.read_text(encoding="utf-8").replace('"name": "log templates"', '"name": "kept"')
    kept.write_text(told, encoding="utf-8")
    again = realism.found_of(file, 1, 8.0, "typical", tmp_path / "kept")
    assert {row.name for row in once} ^ {row.name for row in again} == {"log templates", "kept"}


def test_use_is_a_percentile_over_services() -> None:
    use = {"a": [10, 20], "b": [30, 50], "c": [90, 90]}
    counts = counted(metrics=[sample("cpu_usage", v, service=name) for name, all in use.items() for v in all])
    assert (stats.used(counts, "cpu_usage", 0.5), stats.used(counts, "cpu_usage", 0.95)) == (40, 90)


def test_values_are_no_wording() -> None:
    """Numbers, ids, services and operations; two wordings remain, one of them with two severities."""
    lines = [
        line("a.get took 12.5ms id=ab12"), line("b.put took 7ms id=77f"), line("b.put took 7ms id=77f", level="WARN"),
        line("cache of a is cold"),
    ]  # fmt: skip
    counts = counted([span("1", None, "server", service=name, operation=of) for name, of in NAMES], lines)
    assert stats.worded(counts.lines, counts.names["name"].to_list()) == 3
    assert stats.level(counts, "WARN") == 25


NAMES = (("a", "a.get"), ("b", "b.put"))


def test_metrics_are_known_by_the_words_of_their_names() -> None:
    counts = counted(metrics=[sample(name, 1.0) for name in ("disk_used", "gc_pause", "node_disk", "diskette")])
    assert {kind: stats.signals(counts, kind) for kind in stats.SIGNALS} == {
        "network": 0, "disk": 2, "GC": 1, "descriptors": 0, "restarts": 0, "nodes": 1,
    }  # fmt: skip


def test_nothing_is_inside_no_band_and_a_table_counts_what_is() -> None:
    band = around(2.0, 4.0, "a study")
    assert (band.low, band.high) == pytest.approx((sqrt(2), sqrt(32)))
    found = [Row("one", 3.0, band), Row("two", 9.0, band), Row("three", nan, Band("0", 0, 1, "judgement"))]
    assert list(table(found))[2:] == [
        "| one | 3 | 2 to 4 | 1.41 to 5.66 | a study | yes |",
        "| two | 9 | 2 to 4 | 1.41 to 5.66 | a study | no |",
        "| three | none | 0 | 0 to 1 | judgement | no |",
        "",
        "1 of 3 rows inside.",
    ]


def test_the_ten_services_are_like_real_ones_as_they_are_usually_observed() -> None:
    """At least four of five rows lie in the bands of real systems, in three minutes."""
    mesh = shipped()[DEFAULT]
    found = list(rows(realism.play(mesh, 1, 180.0, 90.0, "typical"), 2, System.of(mesh)))
    assert not any(row.shape for row in found)
    outside = [f"{row.name}: {row.value:.3g}" for row in found if not row.inside]
    assert len(outside) <= 0.2 * len(found), outside


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bookinfo", "otel-demo"])
def test_public_systems_are_like_real_ones_but_for_their_shape(name: str) -> None:
    """Four of five of the rows that count, over half an hour: a small system, and one whose long traces count."""
    mesh = shipped()[name]
    found = list(rows(realism.play(mesh, 1, 1800.0, 300.0, "typical"), 6, System.of(mesh)))
    counted = [row for row in found if not row.shape]
    outside = [f"{row.name}: {row.value:.3g}" for row in counted if not row.inside]
    assert 32 <= len(counted) < len(found)
    assert len(outside) <= 0.2 * len(counted), outside
