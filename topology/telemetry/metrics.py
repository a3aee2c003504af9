"""What a `telemetry:` block says of metrics, and what a recording has by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import ClassVar

from meshquake.topology.keys import key
from meshquake.topology.telemetry.expression import Expression
from meshquake.topology.telemetry.vocabulary import Known, vocabulary

#: What a metric may be of (`sim.telemetry.metrics.levels`).
LEVELS = vocabulary().levels
#: What a metric may be called: as Prometheus and OpenTelemetry have names.
NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.-]{0,199}", re.ASCII)
#: What the names of families begin with in Prometheus that a file says nothing of.
PREFIX = "mesh_"
#: In a name that several metrics are to have: what each is called otherwise.
OWN = "{metric}"


@dataclass(frozen=True)
class MetricChange:
    """What a block says of a metric, of several whose names have a pattern, or of one that it makes of others.

    What it says nothing of stays as it is. At no level (`of` is empty) a metric is not recorded.
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
        """This one, laid over what another says of the same."""
        return replace(lower, **{word: value for word, value in vars(self).items() if value is not None})


@dataclass(frozen=True)
class LeftOut:
    """Series that are not recorded: those of which all is so that is said. `*` and `?` stand for anything in a name."""

    shorthand: ClassVar[str] = "metric"
    metric: str = key("text", "their metric, by its standard name", "*")
    of: tuple[str, ...] | None = key("choice", "their levels", None, choices=LEVELS, many=True)
    service: str = key("text", "their service; for an edge, the caller", "*")
    target: str | None = key("text", "for an edge, the callee", None)

    def covers(self, metric: str, level: str) -> bool:
        """Whether series of a metric at a level may be among them."""
        return fnmatchcase(metric, self.metric) and (self.of is None or level in self.of)

    def fits(self, service: str, target: str | None) -> bool:
        """Whether a series of such a metric is, by its service and its target."""
        if self.target is not None and (target is None or not fnmatchcase(target, self.target)):
            return False
        return fnmatchcase(service, self.service)


@dataclass(frozen=True)
class Recorded:
    """A metric as a recording has it.

    Attributes
    ----------
    metric
        What it is called where nothing is changed, by which blocks speak of it.
    name, unit
        As in its records.
    scale
        By what its values are multiplied.
    levels
        What it is recorded of.
    exported, docs
        As in `MetricChange`.
    expression
        What it is made of; None for what is measured.
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
    """A name as Prometheus has it, without dots and hyphens."""
    return re.sub(r"[.-]", "_", name)


def is_pattern(word: str) -> bool:
    """Whether a word stands for all metrics whose names are like it."""
    return "*" in word or "?" in word


def recorded(changes: Iterable[MetricChange], known: Mapping[str, Known]) -> list[Recorded]:
    """The metrics of a recording: those that can be measured in their order, then those that are made of them.

    Parameters
    ----------
    changes
        In the order of the file: of two that say something of one metric, the later one lies over the other.
    known
        The metrics that can be measured.
    """
    listed = list(changes)
    said = {each.metric: each for each in listed if each.metric not in known and not is_pattern(each.metric)}
    found = [_changed(name, each, listed) for name, each in known.items()]
    found += [each for name, change in said.items() for each in _made(name, change, known)]
    return [each for each in found if each.levels]


def _changed(name: str, known: Known, changes: list[MetricChange]) -> Recorded:
    """A metric that is measured."""
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
    """A metric that is made of others."""
    if change.is_ is None:
        return
    shared = common(change.is_, known)
    levels = shared if change.of is None else tuple(level for level in shared if level in change.of)
    docs = change.docs or change.is_.text
    yield Recorded(name, name, change.unit or "", levels, 1.0, change.exported, docs, change.is_)


def common(expression: Expression, known: Mapping[str, Known]) -> tuple[str, ...]:
    """The levels that all metrics of an expression are measured of."""
    return tuple(level for level in LEVELS if all(level in known[name].levels for name in expression.names))
