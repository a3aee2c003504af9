"""Alerts as they would have fired, by rules that are the same for every mesh and use only visible telemetry.

The page is for the SLO of users. The others are what operators usually watch: symptoms and saturation of services.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from meshquake.agents import promise
from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.metrics import cited
from meshquake.agents.tools.tool import PAGED, SERVICE, Arguments, Tool, paged
from meshquake.agents.tools.window import when
from meshquake.sim.records import METRIC

#: Seconds within which repeated alerts of a rule on the same target are merged into one.
_APART = 30
_SERIES = ("service", "replica", "target")


@dataclass(frozen=True)
class Rule:
    """A rule on a metric: it fires when the mean over `over` seconds is beyond `level`.

    Attributes
    ----------
    name, metric
        The name of the rule, and the catalogue name of its metric.
    over
        Seconds to average over; 0 for single samples.
    level
        The threshold or, if `relative`, a multiple of the median over the minute before those seconds.
    below
        Whether it fires below the threshold instead of above.
    least
        For a relative rule: the mean up to which it never fires.
    """

    name: str
    metric: str
    over: float
    level: float
    relative: bool = False
    below: bool = False
    least: float = 0.0

    @property
    def said(self) -> str:
        """The rule in words."""
        level = f"{self.level:g} times its median of the minute before" if self.relative else f"{self.level:g}"
        mean = f"mean of {self.over:g}s of {self.metric}" if self.over else self.metric
        return f"{mean} {'below' if self.below else 'above'} {level}"


RULES = (
    Rule("ErrorRateHigh", "error_rate", 10, 5),
    Rule("LatencyHigh", "latency_p95", 10, 3, relative=True, least=50),
    Rule("CpuHigh", "cpu_usage", 30, 90),
    Rule("MemoryHigh", "memory_usage", 30, 90),
    Rule("QueueLong", "queue_depth", 10, 20),
    Rule("CircuitBreakerOpen", "circuit_breaker_state", 0, 1.5),
    Rule("PodNotReady", "pod_ready", 0, 0.5, below=True),
)


def _get_alerts(view: View, arguments: Arguments) -> Answer:
    """List alerts in order of time."""
    found = [*_objective(view), *(_rules(view) if view.shows(METRIC.name) else ())]
    found.sort(key=lambda row: (row.cells[0], row.cells[3], *(each or "" for each in row.cells[4:7])))
    service = arguments.get("service")
    found = [row for row in found if service is None or row.cells[4] == service]
    wanted = paged(arguments)
    rules = {rule.name: rule.said for rule in RULES if view.called(rule.metric)}
    columns = ("since_s", "time", "severity", "alert", "service", "replica", "target", "until_s", "worst")
    return Answer({"rules": rules, "until_s": "null: still firing"}, columns, found[wanted], len(found), wanted.start)


def _objective(view: View) -> Iterator[Row]:
    """Yield when the SLO of users was broken: for all of their requests, and for each operation."""
    kept = promise.kept(view)
    shares = [kept.promise.bad(piece) / np.maximum(kept.promise.requests(piece), 1) for piece in kept.promise.pieces()]
    share = np.concatenate(shares)
    for column, name in enumerate(["all requests", *kept.entries]):
        broken = np.flatnonzero(kept.broken[:, column])
        for first, last in _stretches((broken + 1).tolist(), _APART):
            until = None if last >= view.elapsed - 1 else last
            worst = f"{share[first - 1 : last, column].max():.0%} of requests bad"
            at_s, time = when(view, first * 1_000_000)
            service = name.partition(".")[0] if column else None
            yield Row((at_s, time, "page", f"ObjectiveBroken: {name}", service, None, None, until, worst))


def _rules(view: View) -> Iterator[Row]:
    for rule in RULES:
        name = view.called(rule.metric)
        if name is not None:
            yield from _fired(view, rule, name)


def _fired(view: View, rule: Rule, name: str) -> Iterator[Row]:
    """Yield the alerts of a rule, each as a period in which it fired."""
    scale = view.table[name].scale
    samples = view.samples.filter(pl.col("metric") == name).with_columns(pl.col("value") / scale)
    # If a metric is recorded for the whole and for replicas, alert on the whole.
    whole = pl.col("replica").is_null() | (pl.col("replica").is_null().sum().over("service", "target") == 0)
    for series in samples.filter(whole).partition_by(*_SERIES, maintain_order=True):
        measured = series.with_columns(mean=_mean(rule, view.interval)).filter(_beyond(rule, view.interval))
        for first, last in _stretches((measured["at"] / 1e6).to_list(), _APART):
            own = measured.filter(pl.col("at").is_between(first * 1e6 - 1, last * 1e6 + 1))
            worst = own.sort("mean", descending=not rule.below, maintain_order=True).row(0, named=True)
            until = None if last > view.elapsed - 2 * view.interval else round(last, 3)
            at_s, time = when(view, round(first * 1e6))
            cells = (at_s, time, "warning", rule.name, *(worst[column] for column in _SERIES), until)
            yield Row((*cells, round(worst["mean"] * scale, 3)), [cited(worst)])


def _mean(rule: Rule, interval: float) -> pl.Expr:
    """Return the mean over the rule's window that ends with each sample."""
    return pl.col("value").rolling_mean(max(1, round(rule.over / interval)), min_samples=1)


def _beyond(rule: Rule, interval: float) -> pl.Expr:
    """Return whether a mean makes the rule fire."""
    mean = pl.col("mean")
    if not rule.relative:
        return mean < rule.level if rule.below else mean > rule.level
    usual = pl.col("value").rolling_median(max(1, round(60 / interval)), min_samples=max(1, round(20 / interval)))
    before = usual.shift(max(1, round(rule.over / interval)))
    return (mean > rule.level * before) & (mean > rule.least)


def _stretches(moments: Sequence[Any], apart: float) -> Iterator[tuple[Any, Any]]:
    """Group ordered moments that are no more than `apart` seconds apart; yields the first and last of each group."""
    first = last = None
    for moment in moments:
        if first is None or moment - last > apart:
            if first is not None:
                yield first, last
            first = moment
        last = moment
    if first is not None:
        yield first, last


TOOLS = (
    Tool(
        "get_alerts",
        "Alerts that have fired so far, in order of time: pages on the users' objective, warnings on services. Some "
        "may be unrelated to the incident, and what is wrong may have raised none.",
        _get_alerts,
        optional={"service": SERVICE, **PAGED},
    ),
)
