"""What metrics are called in Prometheus, if they were recorded: dashboards ask for nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from meshquake.exporters.formats.prometheus_names import families
from meshquake.sim.telemetry.metrics import Metric
from meshquake.topology.placement import NODES

#: What is in front of a name, by what it is of.
_FRONT = {
    "service": "mesh_service_",
    "replica": "mesh_replica_",
    "edge": "mesh_edge_",
    "caller": "mesh_replica_edge_",
    "node": "mesh_",
}
#: In an expression: a metric by its name in the catalogue, behind what it is of.
_PLACE = re.compile(r"\{(service|replica|edge|caller|node)\.([a-z0-9_]+)\}")


class Recorded:
    """Hears of samples, and knows which series there are.

    Parameters
    ----------
    metrics
        The metrics of the recording, by the names that they have in it.
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
        """An expression with the names of its metrics; None if one of them wasn't recorded.

        Parameters
        ----------
        template
            PromQL in which a metric is called `{replica.cpu_usage}`: what it is of, and its name in the catalogue.
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
