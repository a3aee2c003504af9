"""Statistics of telemetry, each a function of `telemetry_counts.Counts`."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.util import find_spec
from math import nan

import polars as pl

from meshquake.benchmarks.telemetry_counts import BINS, Counts, time_of

#: An operation with fewer calls is left out of statistics of distributions.
_ENOUGH = 100
#: Words in the name of a metric that mark it as a signal.
SIGNALS = {
    "network": {"network", "net", "packets", "retransmits", "retransmitted", "transmitted", "received"},
    "disk": {"disk", "io", "fs", "filesystem", "volume"},
    "GC": {"gc", "garbage", "collections"},
    "descriptors": {"descriptors", "fds", "sockets", "handles"},
    "restarts": {"restarts", "restarted"},
    "nodes": {"node", "nodes", "pod", "pods"},
}


def percentile(counted: pl.DataFrame, column: str, share: float) -> float:
    """Return the nearest-rank percentile of a column in which each value occurs `n` times; NaN if empty."""
    ordered = counted.group_by(column).agg(pl.sum("n")).sort(column)
    reached = ordered.filter(pl.col("n").cum_sum() >= share * pl.sum("n"))
    return float(reached[column][0]) if len(reached) else nan


def _percentiles(counted: pl.DataFrame, keys: list[str], share: float) -> pl.DataFrame:
    """Return the percentile of the times in each group."""
    return (
        counted.group_by(*keys, "bin")
        .agg(pl.sum("n"))
        .sort("bin")
        .filter(pl.col("n").cum_sum().over(keys) >= share * pl.sum("n").over(keys))
        .group_by(keys)
        .agg(value=(((pl.min("bin") + 0.5) / BINS).exp()))
    )


def served(counts: Counts) -> pl.DataFrame:
    """Return the durations of requests, as measured by the services that answered them."""
    return counts.times.filter(pl.col("kind") == "server")


def span_time(counts: Counts, share: float) -> float:
    """Return a percentile of the durations of all spans, in ms."""
    return time_of(percentile(counts.times, "bin", share))


def variation(values: pl.DataFrame) -> float:
    """Return the coefficient of variation of `value` over the buckets of a recording: the median over services.

    Variances are taken within each recording and averaged, so differences between seeds don't count as movement.
    """
    within = values.group_by("service", "run").agg(pl.var("value").alias("variance"), pl.mean("value"))
    by_service = within.group_by("service").agg(cv=pl.mean("variance").sqrt() / pl.mean("value"))
    return _median(by_service["cv"].drop_nans())


def buckets(counts: Counts, whole: int) -> dict[str, pl.DataFrame]:
    """Return mean and p99 of the latency, and the request rate, by service in each bucket of each recording."""
    keys, inside = ["service", "run", "bucket"], pl.col("bucket").is_between(0, whole - 1)
    within, mean = served(counts).filter(inside), pl.sum("total") / pl.sum("n")
    return {
        "mean": within.group_by(keys).agg(value=mean),
        "p99": _percentiles(within, keys, 0.99),
        "requests": counts.requests.filter(inside).group_by(keys).agg(value=mean),
    }


def sigma(counts: Counts) -> float:
    """Return the standard deviation of the logarithm of an operation's latency: the median over operations."""
    bin, n = (pl.col("bin") + 0.5) / BINS, pl.col("n")
    of = _busy(counts).group_by("operation").agg(
        mean=(bin * n).sum() / n.sum(), square=(bin * bin * n).sum() / n.sum()
    )  # fmt: skip
    return _median(of.select((pl.col("square") - pl.col("mean") ** 2).clip(lower_bound=0.0).sqrt()).to_series())


def tail(counts: Counts) -> float:
    """Return p99 over p50 of an operation's latency: the median over operations."""
    low, high = (_percentiles(_busy(counts), ["operation"], share) for share in (0.5, 0.99))
    both = low.join(high, on="operation", suffix="_high")
    return _median(both["value_high"] / both["value"])


def _busy(counts: Counts) -> pl.DataFrame:
    """Return the times of operations that are called often enough."""
    return served(counts).filter(pl.sum("n").over("operation") >= _ENOUGH)


def used(counts: Counts, metric: str, share: float) -> float:
    """Return the use of cores or workers, in percent: a percentile, over services, of their means."""
    of = counts.use.filter(pl.col("metric") == metric)
    return percentile(of.select(value=pl.col("total") / pl.col("n"), n=pl.lit(1)), "value", share)


def quiet(counts: Counts) -> float:
    """Return the share of service-minutes without a single error, in percent."""
    return _share(counts.minutes, pl.col("high") == 0, pl.len())


def errors(counts: Counts) -> float:
    """Return the error rate in percent: the median over services."""
    of = counts.minutes.group_by("service").agg(value=pl.sum("total") / pl.sum("n"))
    return _median(of["value"])


def constant(counts: Counts, still: Collection[tuple[str, str, str]] = ()) -> float:
    """Return the share of the series that count errors which never change, in percent.

    Some series of edges can be left out, by metric, caller and callee.
    """
    known = pl.DataFrame(sorted(still), schema=dict.fromkeys(("metric", "service", "target"), pl.String), orient="row")
    series = counts.series.join(known, on=known.columns, how="anti")
    return _share(series, pl.col("low") == pl.col("high"), pl.len())


def level(counts: Counts, name: str) -> float:
    """Return the share of log lines with a severity, in percent."""
    return _share(counts.lines, pl.col("level") == name)


def untraced(counts: Counts) -> float:
    """Return the share of log lines without a trace, in percent."""
    return _share(counts.lines, ~pl.col("traced"))


def _share(frame: pl.DataFrame, which: pl.Expr, of: pl.Expr | None = None) -> float:
    """Return the share of rows, or of what they count, in percent; NaN if there are none."""
    size = pl.sum("n") if of is None else of
    part, whole = frame.filter(which).select(size).item(), frame.select(size).item()
    return 100 * float(part) / float(whole) if whole else nan


def lines_a_span(counts: Counts) -> float:
    """Return the number of log lines per recorded span."""
    return share_of(counts, "lines", "spans") / 100


def templates(counts: Counts) -> int:
    """Return the number of log templates: those that Drain finds if installed, else the wordings without values."""
    lines = counts.lines.select("logger", "level", "wording").unique().sort(pl.all())
    return _mined(lines["wording"]) if drain() else worded(lines, counts.names["name"].to_list())


def worded(lines: pl.DataFrame, names: list[str]) -> int:
    """Return the number of combinations of logger, level and wording; names count as values."""
    longest = sorted(names, key=lambda name: (-len(name), name))
    name = rf"\b(?:{'|'.join(map(re.escape, longest))})\b"
    wording = pl.col("wording").str.replace_all(name, "<*>") if names else pl.col("wording")
    return len(lines.select("logger", "level", wording).unique())


def drain() -> bool:
    """Return whether Drain is installed."""
    return find_spec("drain3") is not None


def _mined(wordings: pl.Series) -> int:
    from drain3 import TemplateMiner  # here, since it's optional
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())
    for wording in wordings:
        miner.add_log_message(wording)
    return len(miner.drain.clusters)


def share_of(counts: Counts, what: str, of: str) -> float:
    """Return the percentage of checked spans or lines that fail a check: orphans, skewed calls, and so on."""
    found = dict(counts.agreement.select("what", "n").iter_rows())
    return 100 * found[what] / found[of] if found.get(of) else nan


def signals(counts: Counts, kind: str) -> int:
    """Return the number of metrics whose names mark them as signals."""
    return sum(not SIGNALS[kind].isdisjoint(name.split("_")) for name in counts.metrics["metric"])


def _median(values: pl.Series) -> float:
    middle = values.median()
    return float(middle) if isinstance(middle, int | float) else nan
