"""Changes of metrics in a `telemetry:` block, and the metrics that a recording has as a result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import ClassVar

from meshquake.topology.keys import key
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.telemetry.vocabulary import Known, vocabulary

#: What a metric can describe (`sim.telemetry.metrics.levels`).
LEVELS = vocabulary().levels
#: Valid names of metrics: those of Prometheus and OpenTelemetry.
NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.-]{0,199}", re.ASCII)
#: The prefix in Prometheus of metric families that no file renames.
PREFIX = "mesh_"
#: In a name given to several metrics: stands for each one's own name.
OWN = "{metric}"


@dataclass(frozen=True)
class MetricChange:
    """What a block changes in a metric, in all metrics that match a pattern, or what defines a derived metric.

    Whatever it doesn't set stays as it is. A metric at no level (`of` is empty) is not recorded; a later change of it,
    whatever it says, brings it back.
    """

    metric: str
    name: str | None = key("text", "its name in the records; for a pattern, with `{metric}` in it", None)
    unit: str | None = key("text", "its unit; a label only: `scale` changes the values", None)
    scale: float | None = key(
        "number",
        "factor for its values; needs the `unit` that they then have",
        None,
        low=0,
        above=True,
        high=1e12,
    )
    of: tuple[str, ...] | None = key(
        "choice",
        "levels at which it is recorded, out of those at which it is measured",
        None,
        choices=LEVELS,
        many=True,
    )
    exported: str | None = key(
        "text", "its full name in Prometheus and OpenTelemetry (default: derived from the name)", None
    )
    docs: str | None = key("text", "what it means, in a sentence that is exported with it", None)
    is_: Expression | None = key("other", "how it is derived: an expression over metrics of the same series", None)

    def over(self, lower: MetricChange) -> MetricChange:
        """Return this change laid over another one of the same metric."""
        kept = replace(lower, of=None) if lower.of == () else lower
        return replace(kept, **{word: value for word, value in vars(self).items() if value is not None})


@dataclass(frozen=True)
class LeftOut:
    """Series that are not recorded: those that match every key. `*` and `?` match anything in a name."""

    shorthand: ClassVar[str] = "metric"
    metric: str = key("text", "their metric, by its standard name", "*")
    of: tuple[str, ...] | None = key("choice", "their levels", None, choices=LEVELS, many=True)
    service: str = key("text", "their service; for an edge, the caller", "*")
    target: str | None = key("text", "for an edge, the callee", None)

    def covers(self, metric: str, level: str) -> bool:
        """Whether it may cover series of a metric at a level."""
        return fnmatchcase(metric, self.metric) and (self.of is None or level in self.of)

    def fits(self, service: str, target: str | None) -> bool:
        """Whether it covers a series of such a metric, by the series' service and target."""
        if self.target is not None and (target is None or not fnmatchcase(target, self.target)):
            return False
        return fnmatchcase(service, self.service)


@dataclass(frozen=True)
class Recorded:
    """A metric as it is recorded.

    Attributes
    ----------
    metric
        Its original name, by which blocks refer to it.
    name, unit
        As in its records.
    scale
        The factor on its values.
    levels
        The levels at which it is recorded.
    exported, docs
        As in `MetricChange`.
    expression
        The expression that it is derived from; None if it is measured.
    """

    metric: str
    name: str
    unit: str
    levels: tuple[str, ...]
    scale: float = 1.0
    exported: str | None = None
    docs: str | None = None
    expression: Expression | None = None


def plain(name: str) -> str:
    """Return a name in Prometheus' form, without dots and hyphens."""
    return re.sub(r"[.-]", "_", name)


def is_pattern(word: str) -> bool:
    """Whether a word is a pattern, which stands for all metrics that match it."""
    return "*" in word or "?" in word


def recorded(changes: Iterable[MetricChange], known: Mapping[str, Known]) -> list[Recorded]:
    """Return the metrics of a recording: the measured ones in their order, then those derived from them.

    Parameters
    ----------
    changes
        Changes in file order: of two for the same metric, the later one overrides the earlier.
    known
        The metrics that can be measured.
    """
    listed = list(changes)
    said = {each.metric: each for each in listed if each.metric not in known and not is_pattern(each.metric)}
    found = [_changed(name, each, listed) for name, each in known.items()]
    found += [each for name, change in said.items() for each in _made(name, change, known)]
    return [each for each in found if each.levels]


def _changed(name: str, known: Known, changes: list[MetricChange]) -> Recorded:
    """Return a measured metric with its changes applied."""
    whole = MetricChange(name)
    for change in changes:
        if fnmatchcase(name, change.metric):
            whole = change.over(whole)
    return Recorded(
        name,
        (whole.name or name).replace(OWN, name),
        whole.unit or known.unit,
        known.levels if whole.of is None else tuple(level for level in known.levels if level in whole.of),
        1.0 if whole.scale is None else whole.scale,
        None if whole.exported is None else whole.exported.replace(OWN, name),
        whole.docs,
    )


def _made(name: str, change: MetricChange, known: Mapping[str, Known]) -> Iterator[Recorded]:
    """Yield a derived metric, if the change defines one."""
    if change.is_ is None:
        return
    shared = common(change.is_, known)
    levels = shared if change.of is None else tuple(level for level in shared if level in change.of)
    docs = change.docs or change.is_.text
    yield Recorded(name, name, change.unit or "", levels, 1.0, change.exported, docs, change.is_)


def common(expression: Expression, known: Mapping[str, Known]) -> tuple[str, ...]:
    """Return the levels at which all metrics of an expression are measured."""
    return tuple(level for level in LEVELS if all(level in known[name].levels for name in expression.names))
