"""The tables of a window: their schemas and rows.

Times are UTC timestamps in nanoseconds, durations of spans integer nanoseconds, durations in histograms seconds. A
missing trace, span or parent id is an empty string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.completed_spans import CompletedSpans
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.log_lines import lines
from meshquake.exporters.formats.openrca2 import names
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds
from meshquake.topology.placement import NODES

_TIME, _TEXT = pa.timestamp("ns", "UTC"), pa.string()
_POD = ("attr.k8s.pod.name", "attr.k8s.service.name", "attr.k8s.namespace.name")
#: Kubernetes attributes of where something runs, and the ends of a call.
_PLACE = (
    *(f"attr.k8s.{word}.name" for word in ("node", "namespace", "statefulset", "deployment", "replicaset")),
    *(f"attr.k8s.{word}.name" for word in ("pod", "container")),
    *(f"attr.{word}" for word in ("destination_workload", "source_workload", "destination", "source")),
)
_SAMPLES = pa.schema(
    [("time", _TIME), ("metric", _TEXT), ("value", pa.float64()), ("service_name", _TEXT)]
    + [(name, _TEXT) for name in _PLACE]
)
#: The schema of each table.
SCHEMAS = {
    "traces": pa.schema(
        [
            ("time", _TIME),
            *((name, _TEXT) for name in ("trace_id", "span_id", "parent_span_id", "span_name")),
            ("attr.span_kind", _TEXT),
            ("service_name", _TEXT),
            ("duration", pa.uint64()),
            ("attr.status_code", _TEXT),
            *((name, _TEXT) for name in _POD),
            ("attr.http.request.method", _TEXT),
            ("attr.http.response.status_code", pa.uint16()),
            ("attr.http.request.content_length", pa.uint64()),
            ("attr.http.response.content_length", pa.uint64()),
        ]
    ),
    "logs": pa.schema(
        [("time", _TIME)]
        + [(name, _TEXT) for name in ("trace_id", "span_id", "level", "service_name", "message", *_POD)]
        + [("attr.template_id", pa.uint16()), ("attr.log_template", _TEXT)]
    ),
    "metrics": _SAMPLES,
    "metrics_sum": _SAMPLES,
    "metrics_histogram": pa.schema(
        [("time", _TIME), ("metric", _TEXT), ("service_name", _TEXT)]
        + [(name, pa.float64()) for name in ("count", "sum", "min", "max")]
        + [(name, _TEXT) for name in (*_POD, "attr.jvm.gc.action", "attr.jvm.gc.name")]
        + [(name, _TEXT) for name in ("attr.destination", "attr.source")]
    ),
}


class Tables:
    """Makes the rows of each table, batch by batch."""

    def __init__(self, context: Context) -> None:
        self._namespace = pl.lit(context.topology.name)
        self._conventions = Conventions(context.topology)
        self._samples = Samples(context)
        self._ended = CompletedSpans(context)
        self._said = InternedText(Conventions.TOLD, ["name", "method", "answer", "failed", "measured"], self._describe)
        self._names = InternedText(("family",), ["sample"], lambda row: {"sample": names.name(row["family"])})
        self._places = InternedText(("service", "replica"), ["node"], self._place)

    def take(self, batch: Batch) -> dict[str, pl.DataFrame]:
        """Return the rows of a batch by table, with their time `at` in microseconds since 1970."""
        samples = self._of_metrics(batch)
        counted = pl.col("counted")
        return {
            "traces": self._spans(batch.traces),
            "logs": self._lines(batch),
            "metrics": samples.filter(~counted),
            "metrics_sum": samples.filter(counted),
            "metrics_histogram": self._durations(self._ended.take(batch)),
        }

    def _spans(self, traces: pl.DataFrame) -> pl.DataFrame:
        spans = self._said.add(self._conventions.told(traces)).with_columns(at=microseconds())
        return spans.select(
            "at",
            _time(),
            "trace_id",
            "span_id",
            pl.col("parent_span_id").fill_null(""),
            pl.col("name").alias("span_name"),
            pl.col("kind").str.to_titlecase().alias("attr.span_kind"),
            pl.col("service").alias("service_name"),
            (length() * 1000).cast(pl.UInt64).alias("duration"),
            pl.col("failed").alias("attr.status_code"),
            *self._pod(),
            pl.col("method").alias("attr.http.request.method"),
            pl.col("answer").cast(pl.UInt16).alias("attr.http.response.status_code"),
            *(pl.lit(None, pl.UInt64).alias(f"attr.http.{half}.content_length") for half in ("request", "response")),
        )

    def _lines(self, batch: Batch) -> pl.DataFrame:
        return (
            lines(batch)
            .with_columns(at=microseconds())
            .select(
                "at",
                _time(),
                pl.col("trace_id", "span_id").fill_null(""),
                "level",
                pl.col("service").alias("service_name"),
                "message",
                *self._pod(),
                pl.lit(None, pl.UInt16).alias("attr.template_id"),
                pl.lit(None, pl.String).alias("attr.log_template"),
            )
        )

    def _of_metrics(self, batch: Batch) -> pl.DataFrame:
        families = self._samples.families
        counters = [name for name, family in families.items() if family.type == "counter"]
        of_node = pl.col("service") == NODES
        service = pl.when(~of_node).then("service")
        samples = self._places.add(self._names.add(self._samples.take(batch)))
        return samples.select(
            "at",
            _time(),
            pl.col("sample").alias("metric"),
            "value",
            service.alias("service_name"),
            pl.col("node").alias("attr.k8s.node.name"),
            self._namespace.alias("attr.k8s.namespace.name"),
            pl.lit(None, pl.String).alias("attr.k8s.statefulset.name"),
            service.alias("attr.k8s.deployment.name"),
            pl.lit(None, pl.String).alias("attr.k8s.replicaset.name"),
            pl.when(~of_node).then("replica").alias("attr.k8s.pod.name"),
            pl.when(pl.col("replica").is_not_null()).then(service).alias("attr.k8s.container.name"),
            *(pl.col("target").alias(f"attr.{word}") for word in ("destination_workload", "destination")),
            *(
                pl.when(pl.col("target").is_not_null()).then("service").alias(f"attr.{word}")
                for word in ("source_workload", "source")
            ),
            counted=pl.col("metric").is_in(counters) & ~pl.col("sample").is_in(names.GAUGES),
        )

    def _durations(self, ended: pl.DataFrame) -> pl.DataFrame:
        seconds = length() / 1e6
        of_call = pl.col("kind") == "client"
        return (
            self._said.add(self._conventions.told(ended))
            .drop_nulls("measured")
            .with_columns(
                destination=pl.when(of_call).then("peer").otherwise("service"),
                source=pl.when(of_call).then("service").otherwise("peer"),
            )
            .group_by("at", "measured", "service", "replica", "destination", "source", maintain_order=True)
            .agg(
                count=pl.len().cast(pl.Float64),
                sum=seconds.sum().round(6),
                min=seconds.min(),
                max=seconds.max(),
            )
            .sort("at", "service", "replica", "measured", "destination", "source", maintain_order=True)
            .select(
                "at",
                _time(),
                pl.col("measured").alias("metric"),
                pl.col("service").alias("service_name"),
                *("count", "sum", "min", "max"),
                *self._pod(),
                *(pl.lit(None, pl.String).alias(f"attr.jvm.gc.{word}") for word in ("action", "name")),
                pl.col("destination").alias("attr.destination"),
                pl.col("source").alias("attr.source"),
            )
        )

    def _pod(self) -> tuple[pl.Expr, ...]:
        values = (pl.col("replica"), pl.col("service"), self._namespace)
        return tuple(value.alias(name) for name, value in zip(_POD, values, strict=True))

    def _describe(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        described = self._conventions.describe(row)
        answer = described.attributes.get("http.response.status_code")
        method = described.attributes.get("http.request.method")
        return {
            "name": described.name,
            "method": None if method is None else str(method),
            "answer": None if answer is None else str(answer),
            "failed": "Error" if described.failed else "Unset",
            "measured": described.metric,
        }

    def _place(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        node = self._conventions.resource({**row, "version": None}).get("k8s.node.name")
        return {"node": None if node is None else str(node)}


def _time() -> pl.Expr:
    """The column of times."""
    return (pl.col("at") * 1000).cast(pl.Datetime("ns", "UTC")).alias("time")
