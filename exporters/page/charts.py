"""Plots as Altair (Vega-Lite) objects: those of the page, without their data, and those for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt

#: Fields in the data of a plot: the moment, the value in the run, and the value in the run beside it.
AT, FACT, OTHER = "at", "fact", "other"
_HEIGHT = 120
#: Plots with one layer, several layers or facets.
Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True)
class Theme:
    """Colours of the run, of its twin (or the run beside it), and of harm."""

    fact: str
    other: str
    harm: str


#: The page takes its colours from its style sheet, so that they follow light mode, dark mode and print.
PAGE = Theme("var(--fact)", "var(--twin)", "var(--fault)")
#: Black, blue and vermilion of the colour-blind safe palette by Okabe and Ito.
PAPER = Theme("#222222", "#0072B2", "#D55E00")


def page() -> dict[str, dict[str, Any]]:
    """Return the specifications of the page's plots, by name; the page adds the data, named `points`, and the width."""
    return {
        "share": _specification(share(alt.NamedData("points"))),
        "latency": _specification(latency(alt.NamedData("points"))),
        "harmed": _specification(harmed(alt.NamedData("points"))),
        "metric": _specification(metric(alt.NamedData("points"))),
    }


def share(data: Any, theme: Theme = PAGE) -> Chart:
    """Plot the share of requests that failed, with the difference between the runs shaded."""
    base = alt.Chart(data, height=_HEIGHT)
    between = base.mark_area(color=theme.harm, opacity=0.3).encode(x=_time(), y=_scale(FACT, "%"), y2=alt.Y2(OTHER))
    return alt.layer(between, *_both(base, FACT, OTHER, theme, "%"))


def latency(data: Any, theme: Theme = PAGE) -> Chart:
    """Plot percentiles of latency on a logarithmic scale: p50 thin, p95 thick, p99 dotted."""
    base = alt.Chart(data, height=1.4 * _HEIGHT)
    lines = []
    for side, colour in ((OTHER, theme.other), (FACT, theme.fact)):
        for name, style in _PERCENTILES.items():
            y = alt.Y(f"{side}_{name}:Q", axis=_axis("", _POWERS), scale=_LOGARITHMIC)
            lines.append(base.mark_line(color=colour, **style).encode(x=_time(), y=y))
    return alt.layer(*lines)


#: Latencies below a millisecond are drawn as one millisecond, because a logarithmic scale has no zero.
_LOGARITHMIC = alt.Scale(type="log", nice=False, clamp=True, domainMin=1)
_POWERS = [10**power for power in range(8)]
_PERCENTILES: Mapping[str, Mapping[str, Any]] = {
    "p50": {"strokeWidth": 1},
    "p99": {"strokeWidth": 1, "strokeDash": [1.5, 2.5]},
    "p95": {"strokeWidth": 2},
}


def harmed(data: Any, theme: Theme = PAGE) -> Chart:
    """Plot the number of harmed requests."""
    chart = alt.Chart(data, height=0.5 * _HEIGHT).mark_rect(color=theme.harm)
    drawn: alt.Chart = chart.encode(x=_time("from"), x2="until", y=_scale("harmed", ""), y2=alt.Y2Datum(0))
    return drawn


def metric(data: Any, theme: Theme = PAGE) -> Chart:
    """Plot a metric of a service: the highest sample of each step as a line, shaded down to the lowest."""
    base = alt.Chart(data, height=0.6 * _HEIGHT)
    band = base.mark_area(color=theme.fact, opacity=0.22).encode(x=_time(), y=_scale(FACT, ""), y2=alt.Y2("low"))
    return alt.layer(band, *_both(base, FACT, OTHER, theme, ""))


def samples(points: list[dict[str, Any]], title: str, unit: str, windows: list[dict[str, Any]]) -> Chart:
    """Plot a metric for a notebook: a line of samples for each series, with windows of faults shaded.

    Parameters
    ----------
    points
        Samples, each with `at` (ISO 8601), `value` and `series`.
    title, unit
        The title, and the unit of the values.
    windows
        Windows of faults, each with `from`, `to` (ISO 8601) and `fault`.
    """
    x = alt.X("at:T", title=None, scale=alt.Scale(type="utc"))
    lines = (
        alt.Chart(alt.InlineData(points), width=640, height=220)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=unit),
            color=alt.Color("series:N", title=None, scale=alt.Scale(range=SERIES)),
            tooltip=["at:T", "series:N", "value:Q"],
        )
    )
    shades = alt.Chart(alt.InlineData(windows)).mark_rect(color=PAPER.harm, opacity=0.12)
    return alt.layer(shades.encode(x="from:T", x2="to:T", tooltip=["fault:N"]), lines).properties(title=title)


#: The darker colours of Okabe and Ito.
SERIES = ["#222222", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]


def _both(base: alt.Chart, fact: str, other: str, theme: Theme, unit: str) -> list[alt.Chart]:
    return [
        base.mark_line(color=colour, strokeWidth=width).encode(x=_time(), y=_scale(field, unit))
        for field, colour, width in ((other, theme.other, 1.5), (fact, theme.fact, 1.5))
    ]


def _time(field: str = AT) -> alt.X:
    """Return the common time axis; the page sets its domain."""
    ticks = alt.Axis(format="%H:%M:%S", title=None, tickCount=6, grid=False, labelOverlap=True, labelFlush=True)
    return alt.X(f"{field}:T", axis=ticks, scale=alt.Scale(type="utc", nice=False))


def _scale(field: str, unit: str) -> alt.Y:
    return alt.Y(f"{field}:Q", axis=_axis(unit), scale=alt.Scale(zero=True, nice=True))


def _axis(unit: str, values: list[int] | None = None) -> alt.Axis:
    # SI prefixes for large values (1k), but not for small ones: half an item is 0.5, not 500m.
    suffix = f"format(datum.value, datum.value < 1 ? '~g' : '~s') + '{unit}'"
    at = {"tickCount": 3} if values is None else {"values": values}
    return alt.Axis(title=None, labelExpr=suffix, domain=False, ticks=False, **at)


def _specification(chart: Chart) -> dict[str, Any]:
    told: dict[str, Any] = chart.to_dict(validate=False)
    told.pop("config", None)
    return told
