"""OpenMetrics: all samples in one text file, which Prometheus and VictoriaMetrics import.

    promtool tsdb create-blocks-from openmetrics metrics.om data

Version 1.0 of the format (https://prometheus.io/docs/specs/om/open_metrics_spec/) requires the samples of a family to
be contiguous, and within it those of each series, in order of time; times are in seconds. Records come ordered by time.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.prometheus_names import Family, Samples
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import seconds
from meshquake.truth.spill_file import SpillFile

NAME = "metrics.om"


def sink(target: Path, context: Context) -> OpenMetricsSink:
    """Return a sink that writes `metrics.om` into a folder."""
    return OpenMetricsSink(target, context)


def lines(samples: pl.DataFrame) -> pl.DataFrame:
    """Format samples as lines, series by series.

    Returns
    -------
    frame
        `family` and `metric` of each series, its `key` (name and labels), and its `text`, in the order of `samples`.
    """
    labels = pl.concat_str(
        (pl.concat_str(pl.lit(f'{label}="'), pl.col(label), pl.lit('"')) for label in ("service", "replica", "target")),
        separator=",",
        ignore_nulls=True,
    )
    return (
        samples.select(
            "family",
            "metric",
            key=pl.concat_str("name", pl.lit("{"), labels, pl.lit("}")),
            end=pl.concat_str(pl.lit(" "), _number("value"), pl.lit(" "), seconds("at"), pl.lit("\n")),
        )
        .with_columns(line=pl.concat_str("key", "end"))
        .group_by("family", "metric", "key", maintain_order=True)
        .agg(text=pl.col("line").str.join(""))
    )


def metadata(name: str, family: Family) -> str:
    """Return the metadata lines that begin a family."""
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    return f"# TYPE {name} {family.type}\n{unit}# HELP {name} {family.help}\n"


class OpenMetricsSink:
    """Collects samples by series, and writes the series at the end."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._folder = folder
        self._samples = Samples(context)
        self._parts = SpillFile(folder)
        #: The metric and the series of each family, by the family's name.
        self._families: dict[str, tuple[str, dict[str, None]]] = {}

    def write(self, batch: Batch) -> None:
        """Take the metrics of a batch."""
        for family, metric, key, text in lines(self._samples.take(batch)).iter_rows():
            self._families.setdefault(family, (metric, {}))[1][key] = None
            self._parts.add(key, text.encode())

    def close(self) -> None:
        """Write the file."""
        with (self._folder / NAME).open("wb") as file:
            for name, (metric, series) in sorted(self._families.items()):
                file.write(metadata(name, self._samples.families[metric]).encode())
                for key in series:
                    file.writelines(self._parts.pieces(key))
            file.write(b"# EOF\n")
            file.flush()
            os.fsync(file.fileno())
        self._parts.close()

    def discard(self) -> None:
        """Drop what was collected."""
        self._parts.close()


def _number(column: str) -> pl.Expr:
    """Format numbers, whole ones without a fraction."""
    value = pl.col(column)
    return pl.when(value == value.floor()).then(value.cast(pl.Int64).cast(pl.String)).otherwise(value.cast(pl.String))
