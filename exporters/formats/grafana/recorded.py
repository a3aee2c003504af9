"""The names in Prometheus of the metrics that were recorded, the only ones that dashboards query."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from meshquake.exporters.formats.prometheus_names import families
from meshquake.sim.telemetry.metrics import Metric
from meshquake.topology.placement import NODES
from meshquake.topology.telemetry.base_units import base_unit

#: Prefixes of names, by what the metric is of.
_FRONT = {
    "service": "mesh_service_",
    "replica": "mesh_replica_",
    "edge": "mesh_edge_",
    "caller": "mesh_replica_edge_",
    "node": "mesh_",
}
#: A placeholder in an expression: what the metric is of, its name in the catalogue, and a selector after it. A rate is
#: taken of a counter only.
_PLACE = re.compile(r"(?P<rate>\brate\()?\{(service|replica|edge|caller|node)\.([a-z0-9_]+)\}(\{[^{}]*\})?")


class Recorded:
    """Notes from samples which metrics exist, and of what.

    Parameters
    ----------
    metrics
        The metrics of the recording, by their names in it.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._families = families(metrics)
        self._seen: set[tuple[str, str]] = set()

    def take(self, metrics: pl.DataFrame) -> None:
        """Take metric records."""
        of_edge, of_replica = pl.col("target").is_not_null(), pl.col("replica").is_not_null()
        what = (
            pl.when(pl.col("service") == NODES)
            .then(pl.lit("node"))
            .when(of_edge & of_replica)
            .then(pl.lit("caller"))
            .when(of_edge)
            .then(pl.lit("edge"))
            .when(of_replica)
            .then(pl.lit("replica"))
            .otherwise(pl.lit("service"))
        )
        self._seen.update(metrics.select(what.alias("of"), "metric").unique().iter_rows())

    def expression(self, template: str) -> str | None:
        """Replace the placeholders of metrics in an expression; returns None if one of them wasn't recorded.

        The share of errors is a counter or a gauge, depending on what else is recorded: the rate of a gauge counts as
        not recorded.

        Parameters
        ----------
        template
            PromQL with placeholders such as `{replica.cpu_usage}`: what a metric is of, and its name in the catalogue.
        """
        texts = {found[0]: self._text(found) for found in _PLACE.finditer(template)}
        if not all(texts.values()):
            return None
        return _PLACE.sub(lambda found: texts[found[0]] or "", template)

    def _text(self, place: re.Match[str]) -> str | None:
        """Return the text for a placeholder and its selector; None if its metric wasn't recorded."""
        rate, of, origin, selector = place["rate"] or "", place[2], place[3], place[4] or ""
        for name, metric in self._metrics.items():
            family = self._families[name]
            if metric.origin == origin and (of, name) in self._seen and not (rate and family.type == "gauge"):
                text = f"{'' if family.is_whole else _FRONT[of]}{family.name}{family.suffix}{selector}"
                # Panels have base units, but what a file names in full has the unit of its records.
                divisor = base_unit(metric.unit).divisor if family.is_whole and family.type == "gauge" else 1.0
                return f"{rate}{text}" if divisor == 1 else f"({text} / {divisor:g})"
        return None
