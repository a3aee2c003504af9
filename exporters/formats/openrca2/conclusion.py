"""The users' operations before the fault and since: `conclusion.parquet`, as the platform's detector writes it.

There is one row per operation that users call. Durations are in seconds, success rates from 0 to 1; percentiles use the
nearest rank. `Issues` comes from the answer key: how many of the operation's requests were harmed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from meshquake.exporters.formats.openrca2.windows import ABNORMAL, NORMAL, WINDOWS

_FIGURES = ("AvgDuration", "SuccRate", "P90", "P95", "P99")
SCHEMA = pa.schema(
    [("SpanName", pa.string()), ("Issues", pa.string())]
    + [(f"{window.title()}{figure}", pa.float64()) for figure in _FIGURES for window in (ABNORMAL, NORMAL)]
)


class Conclusion:
    """Collects durations and outcomes of users' requests.

    Parameters
    ----------
    faults
        The faults of an answer key that broke a promise to users.
    """

    def __init__(self, faults: Iterable[Mapping[str, Any]]) -> None:
        self._issues: dict[str, str] = {}
        for fault in faults:
            for entry in fault["blast_radius"]["entries"]:
                if entry["harmed"]:
                    issue = {"harmed": {key: entry[key] for key in ("requests", "harmed", "share")}}
                    self._issues[entry["entry"]] = json.dumps(issue)
        self._seen: list[pl.DataFrame] = []

    def take(self, traces: pl.DataFrame, names: pl.DataFrame, window: pl.Expr) -> None:
        """Take the spans of a batch.

        Parameters
        ----------
        traces
            Trace records.
        names
            The rows of the table of spans, in the same order.
        window
            The window of a row of that table.
        """
        spans = names.select("span_name", "duration", "service_name", window=window)
        seen = spans.with_columns(traces["operation"], traces["status"]).filter(
            (traces["kind"] == "server") & traces["parent_span_id"].is_null()
        )
        self._seen.append(seen.select("operation", "span_name", "window", "status", pl.col("duration") / 1e9))

    def frame(self) -> pl.DataFrame:
        """Return the rows, in the order in which users first called the operations."""
        took = pl.col("duration")
        rank = [took.sort().get((pl.len() * share + 99) // 100 - 1) for share in (90, 95, 99)]
        values = dict(zip(_FIGURES, [took.mean(), (pl.col("status") == "success").mean(), *rank], strict=True))
        seen = pl.concat(self._seen)
        found = seen.select("operation", "span_name").unique("operation", keep="first", maintain_order=True)
        for window in WINDOWS:
            of_window = seen.filter(window=window).group_by("operation")
            figures = of_window.agg(value.round(6).alias(window.title() + name) for name, value in values.items())
            found = found.join(figures, on="operation", how="left", maintain_order="left")
        issues = pl.col("operation").replace_strict(self._issues, default="{}", return_dtype=pl.String)
        return found.with_columns(issues.alias("Issues")).rename({"span_name": "SpanName"}).select(SCHEMA.names)
