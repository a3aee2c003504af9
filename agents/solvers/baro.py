"""Score each metric by its distance from normal, and name the service with the highest score.

The score is that of BARO's RobustScorer: the largest distance from the median, in interquartile ranges, both taken from
the time before the change. Of services with nearly the highest score, the one that calls none of the others is named.
The change point is not found by BARO's Bayesian detector, but is the split of all series into the most unlike parts.

References
----------
L. Pham, H. Ha, H. Zhang: BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change
Point Detection, Proc. ACM Softw. Eng. 1 (FSE), 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.diagnosis import Diagnosis, Edge, towards
from meshquake.agents.solvers.solver import Stretches, called, stretches

#: A service and one of its metrics.
Key = tuple[str, str]
Series = NDArray[np.float64]
#: The metrics to score: those of the method's own benchmark.
_METRICS = ("error_rate", "latency_p50", "latency_p95", "cpu_usage", "memory_usage", "request_rate")
#: The metrics that are symptoms, and the shift from which on a service counts as affected.
_SYMPTOMS, _HIT = ("error_rate", "latency_p50", "latency_p95"), 2.0
#: The share of the highest score from which on a score is nearly as high.
_CLOSE = 0.5
#: Most steps in a series.
_POINTS = 300
#: Lower bound of the interquartile range, by metric, in its unit.
_LEAST = {"error_rate": 1.0, "cpu_usage": 2.0, "memory_usage": 1.0, "request_rate": 0.5}
_LEAST_LATENCY = 1.0


@dataclass(frozen=True)
class _Read:
    """The series by service and metric, one value per step, and the steps that bound the periods."""

    table: Mapping[Key, Series]
    calm: int
    onset: int
    end: int


def baro(incident: Incident) -> Diagnosis | None:
    """Read the metrics of all services, find the change point, and score them."""
    found = stretches(incident)
    if found is None:
        return None
    read = _read(incident, found)
    if not read.table:
        return Diagnosis(())
    change = _change(read)
    scores = {key: _score(key[1], series[:change], series[change : read.end]) for key, series in read.table.items()}
    shifts = {key: _shift(key[1], series[:change], series[change : read.end]) for key, series in read.table.items()}
    ranked = sorted(scores, key=lambda key: (-scores[key], key))
    content = incident.call("get_dependency_graph", limit=200)
    calls = [(row[0], row[1]) for row in content["rows"]]
    root, metric = _deepest(ranked, scores, calls)
    services = list(dict.fromkeys(service for service, _ in ranked))
    hit = [name for name in services if max(shifts.get((name, each), 0.0) for each in _SYMPTOMS) >= _HIT]
    edges = towards(root, calls, hit)
    evidence: dict[str | Edge, list[str]] = {root: _cited(incident, root, metric, found)}
    for callee, caller in edges:
        # The evidence for an edge is that its caller was affected: cite the symptom that rose most there.
        symptom = max(_SYMPTOMS, key=lambda each: (shifts.get((caller, each), 0.0), each))
        evidence[callee, caller] = _cited(incident, caller, symptom, found)
    return Diagnosis([root], list(dict.fromkeys([root, *hit])), edges, evidence)


def _deepest(ranked: list[Key], scores: Mapping[Key, float], calls: list[tuple[str, str]]) -> Key:
    """Return the first of the services with nearly the highest score that calls none of the others."""
    close = [key for key in ranked if scores[key] >= _CLOSE * scores[ranked[0]]]
    names = {service for service, _ in close}
    leaves = names - {caller for caller, callee in calls if callee in names and callee != caller}
    return next((key for key in close if key[0] in leaves), ranked[0])


def _read(incident: Incident, found: Stretches) -> _Read:
    """Read all series."""
    elapsed = incident.view.elapsed
    step = incident.view.interval * ceil(elapsed / incident.view.interval / _POINTS)
    count = int(elapsed / step)
    table = {
        (service, metric): _dense(points, step, count)
        for metric in _METRICS
        if (name := called(incident, metric)) is not None
        for service, points in _points(incident, name, step)
    }
    end = max(int(found.end / step), 2)
    return _Read(table, min(int(found.calm / step), end - 1), int(found.onset / step), end)


def _points(incident: Incident, name: str, step: float) -> Iterator[tuple[str, list[list[float]]]]:
    """Yield the points of a metric, by service."""
    read, more = 0, True
    while more:
        content = incident.call("query_metrics", metric=name, step=step, limit=200, offset=read)
        for service, _, target, _, _, points in content["rows"]:
            if target is None:
                yield service, points
        read += len(content["rows"])
        more = "ask with offset=" in content.get("cut", "")


def _dense(points: list[list[float]], step: float, count: int) -> Series:
    """Return one value per step; gaps repeat the value before."""
    values = np.full(count, np.nan)
    for at, value in points:
        values[min(max(ceil(at / step - 1e-9) - 1, 0), count - 1)] = value
    known = np.flatnonzero(~np.isnan(values))
    return values[known[np.maximum(np.searchsorted(known, np.arange(count), side="right") - 1, 0)]]


def _change(read: _Read) -> int:
    """Return the step of the change: the one that splits the symptoms of all services into the most unlike parts."""
    series = [each for (_, name), each in read.table.items() if name in _SYMPTOMS]
    steps = range(max(2, read.calm // 2), min(read.onset + 10, read.end - 1) + 1)
    gains = {step: sum(_unlike(each[:step], each[step : read.end]) for each in series) for step in steps}
    return max(gains, key=lambda step: (gains[step], -step), default=max(1, read.calm))


def _unlike(before: Series, after: Series) -> float:
    """Measure how unlike two parts of a series are: the distance of their medians over the range of the first."""
    middle = float(np.median(before))
    spread = _range(before) + 1e-3 + 0.05 * middle
    return min(abs(float(np.median(after[:20])) - middle) / spread, 100.0)


def _range(values: Series) -> float:
    """Return the interquartile range."""
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


def _score(name: str, before: Series, after: Series) -> float:
    """Return the robust score of a metric: the distance of its furthest value from normal."""
    return float(np.max(np.abs(after - np.median(before)))) / max(_range(before), _least(name))


def _shift(name: str, before: Series, after: Series) -> float:
    """Return how far a metric has risen as a whole (its upper quartile, in interquartile ranges)."""
    rise = np.percentile(after, 75) - np.percentile(before, 75)
    return float(rise) / max(_range(before), _least(name))


def _least(name: str) -> float:
    return _LEAST.get(name, _LEAST_LATENCY)


def _cited(incident: Incident, service: str, metric: str, found: Stretches) -> list[str]:
    """Query the metric that scored highest, and cite that call."""
    name = called(incident, metric)
    if name is None:
        return []
    incident.call("query_metrics", metric=name, service=service, aggregate="max", **found.during)
    return [f"call:{incident.calls}"]
