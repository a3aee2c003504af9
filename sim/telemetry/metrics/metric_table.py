"""The metrics of a recording: the catalogue, or what a `telemetry:` block makes of it.

Everything that samples, exports or reads the metrics of a recording goes by its table. The answer key goes by the whole
catalogue, whatever is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from meshquake.sim.telemetry.metrics import METRICS, Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.sources import Derived, Floats, Read, as_measured
from meshquake.sim.telemetry.tables import Ints
from meshquake.topology.telemetry import expression
from meshquake.topology.telemetry.block import UNCHANGED, Telemetry
from meshquake.topology.telemetry.metrics import LeftOut, Recorded, recorded
from meshquake.topology.telemetry.vocabulary import Known

#: Levels by their names in files.
LEVELS: dict[str, Level] = {level.name.lower(): level for level in Level}
_WORDS = {level: word for word, level in LEVELS.items()}
#: The largest sample (`sim.records.LARGEST`), and the significant digits of values that were converted to another unit.
_LARGEST, _DIGITS = 1e12, 12

#: The members of a level: service, replica and target of each.
Members = Sequence[tuple[str, str | None, str | None]]


@dataclass(frozen=True)
class MetricTable:
    """The metrics of a recording.

    Attributes
    ----------
    metrics
        By their names in the recording, measured ones before derived ones.
    left_out
        Series that are not recorded.
    changed
        Whether it differs from the catalogue.
    """

    metrics: Mapping[str, Metric]
    left_out: tuple[LeftOut, ...] = ()
    changed: bool = False

    @cached_property
    def of_levels(self) -> list[tuple[Level, Metric]]:
        """Every level of every metric, in the order of samples."""
        return [(level, metric) for level in Level for metric in self.metrics.values() if level in metric.levels]

    @cached_property
    def reads(self) -> dict[str, Read]:
        """The readings that are needed during the run, by the names in the catalogue."""
        return {name: source for metric in self.metrics.values() for name, source in metric.reads.items()}

    def kept(self, level: Level, metric: Metric, members: Members) -> Ints | None:
        """Return the positions of the members of a level that a metric is recorded of; None for all of them."""
        rules = [each for each in self.left_out if each.covers(metric.origin, _WORDS[level])]
        if not rules:
            return None
        kept = [not any(rule.fits(service, target) for rule in rules) for service, _, target in members]
        return np.flatnonzero(kept)

    def recorded_as(self, metric: str, service: str, target: str | None) -> str | None:
        """Return the recorded name of a metric of the catalogue, for a service or an edge; None if it isn't recorded.

        A metric that is recorded of the replicas counts as recorded of the service or edge.
        """
        edge = target is not None
        for each in self.metrics.values():
            if each.origin == metric:
                levels = [level for level in each.levels if (level in (Level.EDGE, Level.CALLER)) is edge]
                members = [(service, None, target)]
                if any(kept is None or len(kept) for kept in (self.kept(level, each, members) for level in levels)):
                    return each.name
        return None

    @property
    def names(self) -> dict[str, list[str]]:
        """The metrics that are renamed or derived, with those of the catalogue that they are made of."""
        return {name: [*each.origins] for name, each in self.metrics.items() if each.origins != (name,)}


@dataclass(frozen=True)
class Unusual:
    """Columns of samples that are not recorded as measured, and their metric."""

    columns: slice
    metric: Metric

    def recorded(self, values: Floats) -> Floats:
        """Return the samples in the metric's unit; nan (no sample) for values that are too large."""
        exact = values if isinstance(self.metric.source, Derived) else as_measured(values)
        scaled = pl.Series((exact * self.metric.scale).ravel()).round_sig_figs(_DIGITS).to_numpy()
        found: Floats = np.where(np.abs(scaled) <= _LARGEST, scaled, np.nan).reshape(values.shape) + 0.0
        return found


def whole() -> MetricTable:
    """Return the table of the whole catalogue."""
    return MetricTable(METRICS)


def of(telemetry: Telemetry) -> MetricTable:
    """Return the table that a `telemetry:` block describes."""
    if telemetry == UNCHANGED:
        return whole()
    return _table(recorded(telemetry.metrics, known()), telemetry.leave_out or ())


def known() -> dict[str, Known]:
    """Return what a `telemetry:` block must know of each metric."""
    return {
        name: Known(each.unit, _words(each), each.exported, each.kind is not Kind.GAUGE)
        for name, each in METRICS.items()
    }


def _words(metric: Metric) -> tuple[str, ...]:
    return tuple(_WORDS[level] for level in metric.levels)


def _table(rows: Iterable[Recorded], left_out: tuple[LeftOut, ...]) -> MetricTable:
    metrics = [_metric(each) for each in rows]
    by_origin = {metric.origin: metric for metric in metrics}
    counted = [_counted(metric, by_origin, left_out) for metric in metrics]
    return MetricTable({metric.name: metric for metric in counted}, left_out, changed=True)


def _metric(row: Recorded) -> Metric:
    levels = tuple(LEVELS[word] for word in row.levels)
    if row.expression is not None:
        sources = {name: METRICS[name].source for name in row.expression.names}
        return Metric(
            row.name,
            row.unit,
            Kind.GAUGE,
            levels,
            Derived(row.expression, sources),
            row.docs or row.expression.text,
            whole_name=row.exported or "",
            alert=Alert.NONE,
        )
    metric = METRICS[row.metric]
    renamed = row.name != row.metric
    return replace(
        metric,
        name=row.name,
        measured=row.metric if renamed else "",
        export_name="" if renamed else metric.export_name,
        unit=row.unit,
        scale=row.scale,
        levels=levels,
        help=row.docs or metric.help,
        detail="" if row.docs else metric.detail,
        whole_name=row.exported or "",
    )


def _counted(metric: Metric, by_origin: Mapping[str, Metric], left_out: tuple[LeftOut, ...]) -> Metric:
    """Return a metric, as a gauge if it is a share of a rate that is not recorded wherever the share is."""
    if not metric.share_of:
        return metric
    rate = by_origin.get(metric.share_of)
    always = rate is not None and set(metric.levels) <= set(rate.levels)
    for rule in left_out:
        words = [_WORDS[level] for level in metric.levels]
        always &= not any(rule.covers(metric.share_of, word) and not rule.covers(metric.origin, word) for word in words)
    if rate is None or not always:
        return replace(metric, kind=Kind.GAUGE, share_of="")
    return replace(metric, share_of=rate.name)


# -- in a manifest -------------------------------------------------------------------------------------------------


def told(table: MetricTable) -> dict[str, Any]:
    """Return a table as written in a manifest."""
    return {
        "metrics": [
            {
                "name": metric.name,
                "metric": None if isinstance(metric.source, Derived) else metric.origin,
                "unit": metric.unit,
                "of": [*_words(metric)],
                "scale": metric.scale,
                "docs": metric.help,
                **({"is": metric.source.expression.text} if isinstance(metric.source, Derived) else {}),
                **({"exported": metric.whole_name} if metric.whole_name else {}),
            }
            for metric in table.metrics.values()
        ],
        "left_out": [
            {
                "metric": each.metric,
                "of": None if each.of is None else [*each.of],
                "service": each.service,
                "target": each.target,
            }
            for each in table.left_out
        ],
    }


def read(content: Mapping[str, Any]) -> MetricTable:
    """Read the table of a manifest that was checked against its schema.

    Raises
    ------
    ValueError
        If it names a metric that this version doesn't have.
    """
    rows = []
    for each in content["metrics"]:
        made = expression.parse(each["is"]) if "is" in each else None
        for name in made.names if made else (each["metric"],):
            if name not in METRICS:
                raise ValueError(f"this version has no metric {name}")
        rows.append(
            Recorded(
                metric=each["metric"] or each["name"],
                name=each["name"],
                unit=each["unit"],
                levels=tuple(each["of"]),
                scale=each["scale"],
                exported=each.get("exported"),
                docs=each["docs"],
                expression=made,
            )
        )
    left_out = tuple(
        LeftOut(each["metric"], None if each["of"] is None else tuple(each["of"]), each["service"], each["target"])
        for each in content["left_out"]
    )
    return _table(rows, left_out)
