"""The metrics of a recording: those of the catalogue, or what a `telemetry:` block makes of them.

Everything that samples, exports or reads the metrics of one recording goes by its table; what the answer key looks at
goes by the whole catalogue, whatever is recorded.
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

#: Levels by what files call them.
LEVELS: dict[str, Level] = {level.name.lower(): level for level in Level}
_WORDS = {level: word for word, level in LEVELS.items()}
#: What is larger is no sample (`sim.records`), and digits of a value in another unit than it was measured in.
_LARGEST, _DIGITS = 1e12, 12

#: The members of a level: service, replica and target of each.
Members = Sequence[tuple[str, str | None, str | None]]


@dataclass(frozen=True)
class MetricTable:
    """The metrics of a recording.

    Attributes
    ----------
    metrics
        By the name that they have in it, those that can be measured first.
    left_out
        Series that are not in it.
    changed
        Whether that is anything but the catalogue.
    """

    metrics: Mapping[str, Metric]
    left_out: tuple[LeftOut, ...] = ()
    changed: bool = False

    @cached_property
    def of_levels(self) -> list[tuple[Level, Metric]]:
        """Each level of each metric, in the order of the file."""
        return [(level, metric) for level in Level for metric in self.metrics.values() if level in metric.levels]

    @cached_property
    def reads(self) -> dict[str, Read]:
        """What must be read on the way, by the names in the catalogue."""
        return {name: source for metric in self.metrics.values() for name, source in metric.reads.items()}

    def kept(self, level: Level, metric: Metric, members: Members) -> Ints | None:
        """The positions of the members of a level of which a metric is recorded; None if it is of all."""
        rules = [each for each in self.left_out if each.covers(metric.origin, _WORDS[level])]
        if not rules:
            return None
        kept = [not any(rule.fits(service, target) for rule in rules) for service, _, target in members]
        return np.flatnonzero(kept)

    def recorded_as(self, metric: str, service: str, target: str | None) -> str | None:
        """What a metric of the catalogue is called where it is of a service or an edge; None if it isn't recorded.

        It is recorded of a service or an edge too if it is of one of the replicas.
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
        """The metrics that are called otherwise than in the catalogue, with those of it that they tell of."""
        return {name: [*each.origins] for name, each in self.metrics.items() if each.origins != (name,)}


@dataclass(frozen=True)
class Unusual:
    """Columns of samples that aren't recorded as they were measured, and the metric that they are of."""

    columns: slice
    metric: Metric

    def recorded(self, values: Floats) -> Floats:
        """The samples in the unit of the metric; nan, which is none, for what is too large to be one."""
        exact = values if isinstance(self.metric.source, Derived) else as_measured(values)
        scaled = pl.Series((exact * self.metric.scale).ravel()).round_sig_figs(_DIGITS).to_numpy()
        found: Floats = np.where(np.abs(scaled) <= _LARGEST, scaled, np.nan).reshape(values.shape) + 0.0
        return found


def whole() -> MetricTable:
    """The catalogue."""
    return MetricTable(METRICS)


def of(telemetry: Telemetry) -> MetricTable:
    """The metrics of a recording by what files say of it."""
    if telemetry == UNCHANGED:
        return whole()
    return _table(recorded(telemetry.metrics, known()), telemetry.leave_out or ())


def known() -> dict[str, Known]:
    """What a `telemetry:` block must know of each metric."""
    return {name: Known(each.unit, _words(each), each.exported) for name, each in METRICS.items()}


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
    """A metric; a share of a rate that is not always there to count it by is a gauge."""
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
    """A table as a manifest tells it."""
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
    """The table that a manifest tells of, which was checked against its schema.

    Raises
    ------
    ValueError
        If it speaks of a metric that this version doesn't have.
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
