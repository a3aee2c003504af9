"""The names in Prometheus of the metrics that were recorded, the only ones that dashboards query."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from meshquake.exporters.formats.prometheus_names import families
from meshquake.sim.telemetry.metrics import Metric
from meshquake.topology.placement import NODES

#: Prefixes of names, by what the metric is of.
_FRONT = {
    "service": "mesh_service_",
    "replica": "mesh_replica_",
    "edge": "mesh_edge_",
    "caller": "mesh_replica_edge_",
    "node": "mesh_",
}
#: A placeholder in an expression: what the metric is of, and its name in the catalogue.
_PLACE = re.compile(r"\{(service|replica|edge|caller|node)\.([a-z0-9_]+)\}")


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

        Parameters
        ----------
        template
            PromQL with placeholders such as `{replica.cpu_usage}`: what a metric is of, and its name in the catalogue.
        """
        names = {found[0]: self._name(found[1], found[2]) for found in _PLACE.finditer(template)}
        if not all(names.values()):
            return None
        return _PLACE.sub(lambda found: names[found[0]] or "", template)

    def _name(self, of: str, origin: str) -> str | None:
        for name, metric in self._metrics.items():
            if metric.origin == origin and (of, name) in self._seen:
                family = self._families[name]
                return f"{'' if family.is_whole else _FRONT[of]}{family.name}{family.suffix}"
        return None
