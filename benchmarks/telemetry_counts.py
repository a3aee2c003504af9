"""Counts of telemetry, batch by batch, in nearly constant memory: histograms, and counts of distinct things.

Times are binned by hundredths of their logarithm. Counts that need whole traces (how deep they are, whether their spans
and lines agree) wait until the traces are complete.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import exp

import polars as pl

from meshquake.sim.telemetry.timestamps import length, microseconds

#: A trace is complete once it has had no new span for this long (seconds).
_SETTLED = 60.0
#: Bins per unit of the logarithm: a time is known to half a percent.
BINS = 100
#: A line may be written this long (microseconds) after the end of its span, since both are rounded.
_ROUNDED = 1000
#: Metrics that count failures.
_ERRORS = ("error_rate", "retry_rate", "timeout_rate", "cancelled_rate", "rate_limited_rate", "shed_rate")
#: How the columns of counts are merged; every other column is a key.
_MERGED = {"n": pl.sum, "total": pl.sum, "low": pl.min, "high": pl.max}


@dataclass(frozen=True)
class Run:
    """A recording: its number, its start (microseconds since 1970), and the length of its buckets in seconds."""

    number: int
    start: int
    bucket: float


@dataclass(frozen=True)
class Counts:
    """Counts of some telemetry; each is a frame of key columns and of `n`, `total`, `low` or `high`.

    `merged` combines the counts of parts into those of the whole.
    """

    #: Durations of spans: by service, operation, kind, bucket and `bin`, with their number and sum.
    times: pl.DataFrame
    #: Traces by number of `spans` and `services`, and by `depth` of their calls.
    traces: pl.DataFrame
    #: Spans that have children, by number of `children`.
    parents: pl.DataFrame
    #: Samples of the request rate: by service and bucket.
    requests: pl.DataFrame
    #: Error rates: the highest (`high`) by service and minute.
    minutes: pl.DataFrame
    #: Series of metrics that count errors, with their extremes.
    series: pl.DataFrame
    #: Mean use of cores and workers by service, as sums of samples.
    use: pl.DataFrame
    #: Names of metrics.
    metrics: pl.DataFrame
    #: Log lines by logger, level, wording (words with digits are masked), and whether they have a trace.
    lines: pl.DataFrame
    #: Consistency checks (`what`) of spans, calls and lines: how many were checked, and how many failed.
    agreement: pl.DataFrame
    #: Names that occur as values in log lines: services, operations.
    names: pl.DataFrame


def merged(parts: list[Counts]) -> Counts:
    """Merge the counts of parts into those of the whole."""
    return Counts(**{field.name: _summed([getattr(part, field.name) for part in parts]) for field in fields(Counts)})


def _summed(frames: list[pl.DataFrame]) -> pl.DataFrame:
    together = pl.concat(frames, how="vertical_relaxed")
    keys = [column for column in together.columns if column not in _MERGED]
    return together.group_by(keys).agg(*(_MERGED[name](name) for name in together.columns if name in _MERGED))


def bins(column: str = "duration_ms") -> pl.Expr:
    """Return the bin of a time."""
    return (pl.col(column).clip(lower_bound=1e-3).log() * BINS).floor().cast(pl.Int32)


def time_of(bin: float) -> float:
    """Return the middle of a bin, in ms."""
    return exp((bin + 0.5) / BINS)


def times(spans: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Count durations of spans, by the buckets of their recording."""
    bucket = ((microseconds() - run.start) / (run.bucket * 1e6)).floor().cast(pl.Int32)
    return (
        spans.with_columns(bin=bins(), run=pl.lit(run.number), bucket=bucket)
        .group_by("service", "operation", "kind", "run", "bucket", "bin")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.sum("duration_ms").alias("total"))
    )


def traces(spans: pl.DataFrame) -> pl.DataFrame:
    """Count traces by number of spans and services, and by depth: server spans from the root to a leaf."""
    return (
        spans.group_by("trace_id")
        .agg(pl.len().alias("spans"), pl.n_unique("service").alias("services"))
        .join(depths(spans), on="trace_id")
        .group_by("spans", "services", "depth")
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )


def depths(spans: pl.DataFrame) -> pl.DataFrame:
    """Return the depth of the calls of each trace. A span whose parent is missing counts as a root."""
    nodes = spans.select("trace_id", "span_id", "parent_span_id", served=(pl.col("kind") == "server").cast(pl.Int32))
    known = nodes.select("trace_id", parent_span_id="span_id")
    roots = nodes.join(known, on=["trace_id", "parent_span_id"], how="anti")
    level = roots.select("trace_id", "span_id", depth="served")
    levels = [level]
    while len(level):
        level = (
            nodes.join(level, left_on=["trace_id", "parent_span_id"], right_on=["trace_id", "span_id"])
            .select("trace_id", "span_id", depth=pl.col("depth") + pl.col("served"))
        )  # fmt: skip
        levels.append(level)
    return pl.concat(levels).group_by("trace_id").agg(pl.max("depth"))


def parents(spans: pl.DataFrame) -> pl.DataFrame:
    """Count spans that have children, by number of children."""
    return (
        spans.filter(pl.col("parent_span_id").is_not_null())
        .group_by("trace_id", "parent_span_id")
        .agg(pl.len().alias("children"))
        .group_by("children")
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )


def agreement(spans: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Count how well whole traces agree with themselves and with their log lines.

    A span is an orphan if its parent isn't recorded. A call is skewed if the callee began before its caller sent it. A
    line is late if its moment is after the end of its span.
    """
    began = microseconds()
    at = spans.select("trace_id", "span_id", "parent_span_id", "kind", began=began, ended=began + length())
    children = at.filter(pl.col("parent_span_id").is_not_null())
    calls = children.join(
        at, left_on=["trace_id", "parent_span_id"], right_on=["trace_id", "span_id"], suffix="_parent"
    )
    across = calls.filter((pl.col("kind") == "server") & (pl.col("kind_parent") == "client"))
    written = lines.select("trace_id", "span_id", written=microseconds()).join(at, on=["trace_id", "span_id"])
    counted = {
        "spans": len(spans),
        "children": len(children),
        "orphans": len(children) - len(calls),
        "calls": len(across),
        "skewed": len(across.filter(pl.col("began") < pl.col("began_parent"))),
        "lines": len(written),
        "late": len(written.filter(pl.col("written") > pl.col("ended") + _ROUNDED)),
    }
    return pl.DataFrame({"what": list(counted), "n": list(counted.values())}, schema={"what": pl.String, "n": pl.Int64})


def requests(metrics: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Count samples of the request rate, by the buckets of their recording; trace sampling doesn't affect them."""
    # A sample describes the interval that ends at its time.
    bucket = ((microseconds() - 1 - run.start) / (run.bucket * 1e6)).floor().cast(pl.Int32)
    return (
        metrics.filter((pl.col("metric") == "request_rate") & pl.col("replica").is_null() & pl.col("target").is_null())
        .group_by("service", pl.lit(run.number).alias("run"), bucket=bucket)
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.sum("value").alias("total"))
    )


def minutes(metrics: pl.DataFrame, run: int) -> pl.DataFrame:
    """Return the highest error rate of each service in each minute."""
    return (
        metrics.filter((pl.col("metric") == "error_rate") & pl.col("replica").is_null() & pl.col("target").is_null())
        .group_by("service", pl.lit(run).alias("run"), minute=microseconds() // 60_000_000)
        .agg(pl.max("value").alias("high"), pl.sum("value").alias("total"), pl.len().cast(pl.Int64).alias("n"))
    )


def series(metrics: pl.DataFrame, run: int) -> pl.DataFrame:
    """Return the extremes of each series that counts errors."""
    return (
        metrics.filter(pl.col("metric").is_in(_ERRORS))
        .group_by("service", "metric", "replica", "target", pl.lit(run).alias("run"))
        .agg(pl.min("value").alias("low"), pl.max("value").alias("high"))
    )


def use(metrics: pl.DataFrame) -> pl.DataFrame:
    """Sum samples of the use of cores and workers, by service."""
    return (
        metrics.filter(
            pl.col("metric").is_in(["cpu_usage", "worker_utilization"])
            & pl.col("replica").is_null()
            & pl.col("target").is_null()
        )
        .group_by("service", "metric")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.sum("value").alias("total"))
    )


def wordings(lines: pl.DataFrame) -> pl.DataFrame:
    """Count log lines by wording; a word with a digit in it is a value, not wording."""
    return (
        lines.with_columns(
            wording=pl.col("message").str.replace_all(r"[^\s=:,;()\[\]]*\d[^\s=:,;()\[\]]*", "<*>"),
            traced=pl.col("trace_id").is_not_null(),
        )
        .group_by("logger", "level", "wording", "traced")
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )


def count(
    spans: pl.DataFrame, lines: pl.DataFrame, metrics: pl.DataFrame, whole: tuple[pl.DataFrame, pl.DataFrame], run: Run
) -> Counts:
    """Count some records.

    Parameters
    ----------
    spans, lines, metrics
        The records of a batch.
    whole
        Spans and log lines of traces that are complete by now, from this batch or earlier ones.
    run
        The recording they come from.
    """
    return Counts(
        times=times(spans, run),
        traces=traces(whole[0]),
        parents=parents(whole[0]),
        requests=requests(metrics, run),
        minutes=minutes(metrics, run.number),
        series=series(metrics, run.number),
        use=use(metrics),
        metrics=metrics.group_by("metric").agg(pl.len().cast(pl.Int64).alias("n")),
        lines=wordings(lines),
        agreement=agreement(*whole),
        names=pl.concat([spans.select(name="service"), spans.select(name="operation")])
        .group_by("name")
        .agg(pl.len().cast(pl.Int64).alias("n")),
    )


class Window:
    """Holds back the spans and log lines of traces until the traces are complete."""

    def __init__(self) -> None:
        self._spans: list[pl.DataFrame] = []
        self._lines: list[pl.DataFrame] = []

    def settled(
        self, spans: pl.DataFrame, lines: pl.DataFrame, last: bool = False
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Take the next spans and lines, and return those of the traces that are complete by now."""
        self._spans.append(spans)
        self._lines.append(lines.filter(pl.col("trace_id").is_not_null()))
        held, written = pl.concat(self._spans), pl.concat(self._lines)
        latest = held.select("trace_id", at=microseconds())
        newest = latest["at"].max()
        horizon = newest - _SETTLED * 1e6 if isinstance(newest, int) and not last else float("inf")
        whole = latest.group_by("trace_id").agg(pl.max("at")).filter(pl.col("at") < horizon).select("trace_id")
        self._spans = [held.join(whole, on="trace_id", how="anti")]
        # A line whose trace is no longer open will never find a span, so it is dropped.
        self._lines = [written.join(self._spans[0].select("trace_id").unique(), on="trace_id", how="semi")]
        return held.join(whole, on="trace_id", how="semi"), written.join(whole, on="trace_id", how="semi")
