"""OTLP metrics: gauges, monotonic sums, and histograms of durations with exemplars.

A metric record becomes a data point; a rate becomes the count behind it, since the start of the recording or, for a
replica, since the start of its process. Prometheus translates the names to those in
`exporters.formats.prometheus_names`. Histograms cover the spans that ended in the interval, which are the ones that
`request_rate` counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.completed_spans import CompletedSpans
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.duration_histograms import HISTOGRAMS, Histogram, Row
from meshquake.exporters.formats.otlp_json import attributes, text
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds

_CUMULATIVE = '"aggregationTemporality":2'
_ROWS = {
    name: pl.Int64 if name == "at" else pl.String for name in ("at", "service", "replica", "head", "tail", "point")
}


class Points:
    """Makes data points from metric records and spans."""

    def __init__(self, context: Context, conventions: Conventions) -> None:
        self._recorded = context.metrics
        self._samples = Samples(context)
        self._durations = Durations(context, conventions)
        self._since = _since(context)
        self._metrics = InternedText(["metric", "family"], ["head", "tail", "since"], self._metric)
        self._targets = InternedText(["target"], ["labels"], _labels)

    def take(self, batch: Batch) -> pl.DataFrame:
        """Return the data points of a batch, in order of time.

        Returns
        -------
        frame
            `at`, microseconds since 1970; `service` and `replica`; `head` and `tail`, the JSON before and after the
            points of a metric; `point`, the JSON of the point.
        """
        samples = self._targets.add(self._metrics.add(self._samples.take(batch)))
        point = pl.concat_str(
            pl.lit("{"),
            "labels",
            pl.when(pl.col("began").is_null()).then("since").otherwise(_begun()),
            pl.lit('"timeUnixNano":"'),
            "at",
            pl.lit('000","asDouble":'),
            "value",
            pl.lit("}"),
        )
        points = samples.with_columns(point=point).select(*_ROWS)
        durations = pl.DataFrame(list(self._durations.take(batch)), schema=_ROWS, orient="row")
        return pl.concat([points, durations]).sort("at", maintain_order=True)

    def _metric(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the JSON around the points of a metric, and the start time of a count."""
        family, metric = self._samples.families[row["metric"]], self._recorded[row["metric"]]
        level = row["family"].removesuffix(family.name)
        # Prometheus adds the unit to the name, except for what UCUM has no code for.
        noun = f"_{family.noun}" if family.noun else ""
        name = metric.whole_name or f"{level.replace('_', '.')}{metric.exported.removesuffix(noun)}{noun}"
        head = {"name": name, "description": family.help, "unit": family.code}
        counter = family.type == "counter"
        shape = f'"sum":{{{_CUMULATIVE},"isMonotonic":true,' if counter else '"gauge":{'
        return {
            "head": f'{text(head)[:-1]},{shape}"dataPoints":[',
            "tail": "]}}",
            "since": self._since if counter else "",
        }


def _since(context: Context) -> str:
    """The start time of a data point that counts from the start of the recording."""
    return f'"startTimeUnixNano":"{round(context.start.timestamp() * 1e6)}000",'


def _begun() -> pl.Expr:
    """The start time of a data point whose count restarted with its process."""
    return pl.concat_str(pl.lit('"startTimeUnixNano":"'), "began", pl.lit('000",'))


def _labels(row: Mapping[str, Any]) -> dict[str, str | None]:
    target = row["target"]
    return {"labels": "" if target is None else f'"attributes":{text(attributes({"mesh.target": target}))},'}


# -- histograms ----------------------------------------------------------------------------------------------------


class _Key(NamedTuple):
    """The identity of a histogram."""

    service: str
    replica: str | None
    metric: str
    labels: str


class Durations:
    """Accumulates histograms of the durations of spans since the start of the recording, interval by interval."""

    def __init__(self, context: Context, conventions: Conventions) -> None:
        self._conventions = conventions
        self._since = _since(context)
        self._ended = CompletedSpans(context)
        self._phrases = InternedText(Conventions.TOLD, ["metric", "labels"], self._describe)
        self._kind = HISTOGRAMS[context.histograms]
        self._histograms: dict[_Key, Histogram] = {}
        #: The sum of the durations of each histogram, in microseconds.
        self._sums: Counter[_Key] = Counter()

    def _describe(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        described = self._conventions.describe(row)
        return {"metric": described.metric, "labels": text(attributes(described.measured))}

    def take(self, batch: Batch) -> Iterator[tuple[int, str, str | None, str, str, str]]:
        """Yield the data points of the moments for which a batch has samples; columns as in `Points.take`."""
        spans = (
            self._phrases.add(self._conventions.told(self._ended.take(batch)))
            .drop_nulls("metric")
            .with_columns(micros=length())
        )
        rows: dict[int, dict[_Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
        sums: dict[int, Counter[_Key]] = defaultdict(Counter)
        for at, *names, bucket, count, micros, span, exemplar in self._buckets(spans).iter_rows():
            key = _Key(*names)
            rows[at][key].append((bucket, count, span, exemplar))
            sums[at][key] += micros
        for at in batch.metrics.select(at=microseconds()).to_series().unique().sort():
            for histogram in self._histograms.values():
                histogram.forget()
            for key, own in rows[at].items():
                if key not in self._histograms:
                    self._histograms[key] = self._kind(key.metric)
                self._histograms[key].count(own)
            self._sums.update(sums[at])
            for key, histogram in self._histograms.items():
                yield at, key.service, key.replica, self._head(key.metric), "]}}", self._point(at, key, histogram)

    def _buckets(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Count the spans in each bucket of each histogram, with the last span as exemplar."""
        exemplar = pl.concat_str(
            pl.lit('{"timeUnixNano":"'),
            microseconds() + pl.col("micros"),
            pl.lit('000","asDouble":'),
            pl.col("micros") / 1e6,
            pl.lit(',"traceId":"'),
            "trace_id",
            pl.lit('","spanId":"'),
            "span_id",
            pl.lit('"}'),
        )
        return (
            spans.with_columns(bucket=self._kind.buckets(spans), exemplar=exemplar)
            .group_by("at", "service", "replica", "metric", "labels", "bucket", maintain_order=True)
            .agg(pl.len(), pl.col("micros").sum(), pl.col("span_id", "exemplar").last())
        )

    def _point(self, at: int, key: _Key, histogram: Histogram) -> str:
        return (
            f'{{"attributes":{key.labels},{self._since}"timeUnixNano":"{at}000",'
            f"{histogram.body(self._sums[key] / 1e6)}}}"
        )

    def _head(self, metric: str) -> str:
        return f'{{"name":"{metric}","unit":"s","{self._kind.kind}":{{{_CUMULATIVE},"dataPoints":['
