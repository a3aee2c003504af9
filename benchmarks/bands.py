"""Bands around published statistics of real systems, and whether those of a mesh fall inside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import sqrt

from meshquake.benchmarks import telemetry_statistics as stats
from meshquake.benchmarks.systems import System
from meshquake.benchmarks.telemetry_counts import Counts


@dataclass(frozen=True)
class Band:
    """Published figures, and the band within which one of ours counts as similar."""

    real: str
    low: float
    high: float
    source: str

    def has(self, value: float) -> bool:
        return self.low <= value <= self.high


def around(low: float, high: float, source: str) -> Band:
    """Return the band around published figures: a factor of the square root of two, since systems differ."""
    real = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return Band(real, low / sqrt(2), high * sqrt(2), source)


def judged(low: float, high: float, real: str) -> Band:
    """Return a band set by judgement, where no figure is published."""
    return Band(real, low, high, "judgement")


@dataclass(frozen=True)
class Row:
    """One statistic of one mesh; `shape` if it describes the public system, which is not ours to change."""

    name: str
    value: float
    band: Band
    shape: bool = False

    @property
    def inside(self) -> bool:
        return self.band.has(self.value)


# The table.

_ALIBABA = "Alibaba, 64.7 M calls"
_NEZHA = "Nezha"
_NEZHA_BOUTIQUE = "Nezha (Online Boutique)"
_LOGS = "Train Ticket, incl. faults"
_META = "Meta, ATC'23"
_PETSHOP = "PetShop"
#: Published durations of spans in production (ms), by percentile.
_SPAN_TIMES = {"p50": (0.5, 1), "p90": (0.9, 10), "p95": (0.95, 25), "p99": (0.99, 117), "p99.9": (0.999, 645)}
_MOVEMENT = {
    "mean": ("latency, mean", 0.12, 0.14),
    "p99": ("latency, p99", 0.42, 0.49),
    "requests": ("requests", 0.2, 0.3),
}
_NEVER_PERFECT = "never 0"


def rows(counts: Counts, whole: int, system: System) -> Iterator[Row]:
    """Yield every statistic of a mesh; `whole` is the number of buckets in a recording."""
    for row in _all(counts, whole, system):
        yield replace(row, shape=row.name in system.shape)


def _all(counts: Counts, whole: int, system: System) -> Iterator[Row]:
    yield Row("service-minutes with exactly 0 errors, %", stats.quiet(counts), judged(0, 90, "never 0 for long"))
    yield Row("error rate, median over services, %", stats.errors(counts), judged(0.005, 1, "small"))
    yield Row("error series that are constant, %", stats.constant(counts, system.still), judged(0, 50, "few"))
    for name, low, high in (
        ("INFO", 100 - 4.5 * sqrt(2), 100 - 4.5 / sqrt(2)),
        ("WARN", 3.7, 3.7),
        ("ERROR", 0.7, 0.7),
    ):
        # INFO is close to 100%, so its band is the one around the rest.
        band = Band("95.5", low, high, _LOGS) if name == "INFO" else around(low, high, _LOGS)
        yield Row(f"log lines: {name}, %", stats.level(counts, name), band)
    for metric, what in (("cpu_usage", "cores"), ("worker_utilization", "workers")):
        for share, which in ((0.5, "median"), (0.95, "p95")):
            value = stats.used(counts, metric, share)
            yield Row(f"{what} in use, {which} over services, %", value, judged(20, 60, "20 to 60"))
    moved = stats.buckets(counts, whole)
    for key, (what, low, high) in _MOVEMENT.items():
        yield Row(f"CV over buckets: {what}", stats.variation(moved[key]), around(low, high, _PETSHOP))
    yield Row("sigma of ln latency per operation, median", stats.sigma(counts), around(0.63, 0.63, _NEZHA_BOUTIQUE))
    yield Row("p99/p50 of latency per operation, median", stats.tail(counts), around(6.9, 6.9, _NEZHA_BOUTIQUE))
    yield Row("spans per trace, p50", stats.percentile(counts.traces, "spans", 0.5), around(48, 76, _NEZHA))
    yield Row("spans per trace, p99", stats.percentile(counts.traces, "spans", 0.99), around(85, 200, _NEZHA))
    yield Row("children per span, p99", stats.percentile(counts.parents, "children", 0.99), around(12, 12, _NEZHA))
    yield Row("depth of calls, p99", stats.percentile(counts.traces, "depth", 0.99), around(6, 6, _META))
    for which, (share, real) in _SPAN_TIMES.items():
        yield Row(f"span time, {which}, ms", stats.span_time(counts, share), around(real, real, _ALIBABA))
    yield Row("log lines per span", stats.lines_a_span(counts), around(0.53, 1.1, _NEZHA))
    yield Row("log templates", stats.templates(counts), judged(200, 5000, "hundreds"))
    yield Row("log lines without a trace, %", stats.untraced(counts), judged(5, 60, "chatter"))
    for name, what, of in (
        ("spans with a missing parent, %", "orphans", "children"),
        ("late log lines, %", "late", "lines"),
        ("calls reversed by clock skew, %", "skewed", "calls"),
    ):
        yield Row(name, stats.share_of(counts, what, of), judged(0.001, 20, _NEVER_PERFECT))
    for kind in stats.SIGNALS:
        yield Row(f"metrics: {kind}", stats.signals(counts, kind), judged(1, 1000, "some"))
