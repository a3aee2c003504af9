"""How real the telemetry is: `python benchmarks/realism.py [--mesh NAME] [--observability LEVEL]`.

`normal` is played, and what it leaves is set beside what real systems leave: each statistic with the published figure,
its source, and whether ours lies inside the band around it. With `--renew` the tables go into docs/realism.md.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from math import isnan, sqrt
from multiprocessing import get_context
from pathlib import Path

from meshquake import Settings, simulate
from meshquake.benchmarks import telemetry_statistics as stats
from meshquake.benchmarks.telemetry_counts import Counts, Run, Window, count, merged
from meshquake.faults.observability import LEVELS
from meshquake.sim.simulation import DEFAULT_START
from meshquake.topology.loader import DEFAULT, shipped

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "realism.md"
_TABLE = re.compile(r"(<!-- tables -->\n).*?(<!-- end -->)", re.DOTALL)
#: Metrics move over buckets of five minutes, as published ones do, or over halves of a recording that is shorter.
_BUCKET = 300.0


@dataclass(frozen=True)
class Band:
    """What is real: figures as published, and the band in which one of ours is like them."""

    real: str
    low: float
    high: float
    source: str

    def has(self, value: float) -> bool:
        return self.low <= value <= self.high


def around(low: float, high: float, source: str) -> Band:
    """The band around a published figure, or several: a factor of the square root of two, since systems differ."""
    real = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return Band(real, low / sqrt(2), high * sqrt(2), source)


def judged(low: float, high: float, real: str) -> Band:
    """A band for which there is no published figure."""
    return Band(real, low, high, "judgement")


@dataclass(frozen=True)
class Row:
    """One statistic of one mesh."""

    name: str
    value: float
    band: Band

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
#: What the spans of production take (ms), by percentile.
_SPAN_TIMES = {"p50": (0.5, 1), "p90": (0.9, 10), "p95": (0.95, 25), "p99": (0.99, 117), "p99.9": (0.999, 645)}
_MOVEMENT = {
    "mean": ("latency, mean", 0.12, 0.14),
    "p99": ("latency, p99", 0.42, 0.49),
    "requests": ("requests", 0.2, 0.3),
}
_NEVER_PERFECT = "never 0"


def rows(counts: Counts, whole: int) -> Iterator[Row]:
    """Each statistic of a mesh; `whole` is the number of buckets that a recording has."""
    yield Row("service-minutes with exactly 0 errors, %", stats.quiet(counts), judged(0, 90, "never 0 for long"))
    yield Row("error rate, median over services, %", stats.errors(counts), judged(0.005, 1, "small"))
    yield Row("series of errors that are constant, %", stats.constant(counts), judged(0, 50, "few"))
    for name, low, high in (
        ("INFO", 100 - 4.5 * sqrt(2), 100 - 4.5 / sqrt(2)),
        ("WARN", 3.7, 3.7),
        ("ERROR", 0.7, 0.7),
    ):
        # Around INFO the band is that around the rest.
        band = Band("95.5", low, high, _LOGS) if name == "INFO" else around(low, high, _LOGS)
        yield Row(f"log lines: {name}, %", stats.level(counts, name), band)
    for metric, what in (("cpu_usage", "cores"), ("worker_utilization", "workers")):
        for share, which in ((0.5, "median"), (0.95, "p95")):
            value = stats.used(counts, metric, share)
            yield Row(f"{what} in use, {which} over services, %", value, judged(20, 60, "20 to 60"))
    moved = stats.buckets(counts, whole)
    for key, (what, low, high) in _MOVEMENT.items():
        yield Row(f"CV over buckets: {what}", stats.variation(moved[key]), around(low, high, _PETSHOP))
    yield Row("sigma of ln latency an operation, median", stats.sigma(counts), around(0.63, 0.63, _NEZHA_BOUTIQUE))
    yield Row("p99/p50 of latency an operation, median", stats.tail(counts), around(6.9, 6.9, _NEZHA_BOUTIQUE))
    yield Row("spans a trace, p50", stats.percentile(counts.traces, "spans", 0.5), around(48, 76, _NEZHA))
    yield Row("spans a trace, p99", stats.percentile(counts.traces, "spans", 0.99), around(85, 200, _NEZHA))
    yield Row("children a span, p99", stats.percentile(counts.parents, "children", 0.99), around(12, 12, _NEZHA))
    yield Row("depth of calls, p99", stats.percentile(counts.traces, "depth", 0.99), around(6, 6, _META))
    for which, (share, real) in _SPAN_TIMES.items():
        yield Row(f"span time, {which}, ms", stats.span_time(counts, share), around(real, real, _ALIBABA))
    yield Row("log lines a span", stats.lines_a_span(counts), around(0.53, 1.1, _NEZHA))
    yield Row("log templates", stats.templates(counts), judged(200, 5000, "hundreds"))
    yield Row("log lines without a trace, %", stats.untraced(counts), judged(5, 60, "chatter"))
    for name, what, of in (
        ("spans whose parent is missing, %", "orphans", "children"),
        ("log lines that come late, %", "late", "lines"),
        ("calls that clocks tell backwards, %", "skewed", "calls"),
    ):
        yield Row(name, stats.share_of(counts, what, of), judged(0.001, 20, _NEVER_PERFECT))
    for kind in stats.SIGNALS:
        yield Row(f"metrics of: {kind}", stats.signals(counts, kind), judged(1, 1000, "some"))


def figure(value: float) -> str:
    """A figure with three digits."""
    return "none" if isnan(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def table(found: list[Row]) -> Iterator[str]:
    """The rows as lines of Markdown."""
    yield "| statistic | ours | real | band | source | inside |"
    yield "|---|---|---|---|---|---|"
    for row in found:
        band = f"{figure(row.band.low)} to {figure(row.band.high)}"
        yield (
            f"| {row.name} | {figure(row.value)} | {row.band.real} | {band} | {row.band.source} "
            f"| {'yes' if row.inside else 'no'} |"
        )
    yield ""
    yield f"{inside(found)} rows inside."


def inside(found: list[Row]) -> str:
    """How many rows are inside."""
    return f"{sum(row.inside for row in found)} of {len(found)}"


#: What one line says of a mesh.
_BRIEF = {
    "spans a trace, p50": "spans p50",
    "spans a trace, p99": "p99",
    "children a span, p99": "children p99",
    "depth of calls, p99": "depth p99",
    "sigma of ln latency an operation, median": "sigma",
    "p99/p50 of latency an operation, median": "p99/p50",
    "CV over buckets: requests": "CV of requests",
    "cores in use, median over services, %": "cores, %",
    "workers in use, median over services, %": "workers, %",
    "log templates": "templates",
}


def summary(meshes: dict[str, list[Row]]) -> Iterator[str]:
    """One line for each mesh."""
    yield f"| mesh | inside | {' | '.join(_BRIEF.values())} |"
    yield "|---" * (len(_BRIEF) + 2) + "|"
    for name, found in meshes.items():
        values = {row.name: row.value for row in found}
        yield f"| {name} | {inside(found)} | {' | '.join(figure(values[each]) for each in _BRIEF)} |"


# What is played.


def play(mesh: Path, seeds: int, duration: float, bucket: float, observability: str | None) -> Counts:
    """Play `normal` with the seeds from 1 on, and count what it leaves."""
    settings: Settings = {"duration": duration, "topology": mesh}
    if observability is not None:
        settings["observability"] = observability
    start = round(DEFAULT_START.timestamp() * 1e6)
    known: list[Counts] = []
    for seed in range(1, seeds + 1):
        settings["seed"] = seed
        run, window = Run(seed, start, bucket), Window()
        for batch in simulate("normal", **settings):
            whole = window.settled(batch.traces, batch.logs)
            known = [merged([*known, count(batch.traces, batch.logs, batch.metrics, whole, run)])]
        none = batch.traces.clear(), batch.logs.clear()
        known = [merged([*known, count(*none, batch.metrics.clear(), window.settled(*none, last=True), run)])]
    return known[0]


def length(duration: float) -> float:
    """How long (seconds) the buckets of a recording are."""
    return min(_BUCKET, duration / 2)


def made(seeds: int, duration: float, observability: str | None) -> str:
    """How the figures were made."""
    by = "mined by Drain" if stats.drain() else "counted from logger, level and wording, without numbers and names"
    return (
        f"`normal`, {duration:g} s, seeds 1 to {seeds}, observability {observability or 'perfect'}; "
        f"buckets of {length(duration):g} s; log templates {by}."
    )


def main() -> None:
    """Play, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=1800.0, help="seconds of each recording")
    parser.add_argument("--seeds", type=int, default=5, help="how many recordings of each mesh")
    parser.add_argument("--mesh", action="append", help="a shipped mesh or a file, as often as you like (default: all)")
    parser.add_argument("--observability", choices=tuple(LEVELS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--renew", action="store_true", help="put the tables into docs/realism.md")
    options = parser.parse_args()
    known, bucket = shipped(), length(options.duration)
    first, *others = options.mesh or [DEFAULT, *(name for name in known if name != DEFAULT)]
    found: dict[str, list[Row]] = {}
    paths = [known.get(name, Path(name)) for name in (first, *others)]
    given = (repeat(each) for each in (options.seeds, options.duration, bucket, options.observability))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for name, counts in zip((first, *others), pool.map(play, paths, *given), strict=True):
            found[name] = list(rows(counts, int(options.duration // bucket)))
            print("", f"## {name}", "", *table(found[name]), sep="\n", flush=True)
    how = made(options.seeds, options.duration, options.observability)
    print("", *summary(found), "", how, sep="\n")
    if options.renew:
        one_line_each = summary({name: found[name] for name in others})
        lines = [how, "", f"## {first}", "", *table(found[first]), "", "## The other meshes", "", *one_line_each, ""]
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda match: match[1] + "\n".join(lines) + match[2], page), encoding="utf-8")


if __name__ == "__main__":
    main()
