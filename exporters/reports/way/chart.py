"""Marks of agents as a plot: each figure with its interval, beside chance and the floors, and each case as a point."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import altair as alt

from meshquake.exporters import plot_files
from meshquake.exporters.page.charts import PAPER, SERIES, Chart
from meshquake.exporters.reports.way import figures
from meshquake.exporters.reports.way.figures import CALLED, QUALITY
from meshquake.exporters.reports.way.marking import Case
from meshquake.exporters.reports.way.summary import Summary

_WIDTH, _NARROW = 460, 160
#: Height of an agent's line within the row of a figure, and of the gap between two rows.
_STEP, _BETWEEN = 14, 12


def chart(cases: Mapping[str, Case], found: Summary) -> alt.HConcatChart:
    """Plot the means with their intervals, and the marks of all cases."""
    agents = list(found.estimates)
    color = alt.Color("agent:N", title=None, sort=agents, scale=alt.Scale(domain=agents, range=SERIES[: len(agents)]))
    height = len(QUALITY) * (len(agents) * _STEP + _BETWEEN)
    return alt.hconcat(_means(found, color, height), _marks(cases, agents, color, height))


def _means(found: Summary, color: alt.Color, height: int) -> Chart:
    agents = list(found.estimates)
    rows = [
        {"figure": CALLED.get(name, name), "agent": agent, "mean": each.estimate, **_ends(each.low, each.high)}
        for agent, row in found.estimates.items()
        for name, each in row.items()
        if name in QUALITY and isfinite(each.estimate)
    ]
    floors = [
        {"figure": CALLED.get(name, name), "floor": floor, "mean": row[name]}
        for floor, row in found.floors.items()
        for name in QUALITY
        if row.get(name) is not None
    ]
    order = [CALLED.get(name, name) for name in QUALITY]
    y = alt.Y("figure:N", title=None, sort=order, scale=alt.Scale(type="band", paddingInner=0.3))
    offset = alt.YOffset("agent:N", sort=agents, scale=alt.Scale(paddingOuter=0.5))
    x = alt.X("mean:Q", title="mean over cases, with 95% interval")
    base = alt.Chart(alt.InlineData(rows), width=_WIDTH, height=height)
    ticks = alt.Chart(alt.InlineData(floors), width=_WIDTH, height=height).mark_tick(
        thickness=2, color=PAPER.fact, opacity=0.5
    )
    return alt.layer(
        ticks.encode(x=x, y=y, tooltip=["floor:N", "mean:Q"]),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high", y=y, yOffset=offset, color=color),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=x, y=y, yOffset=offset, color=color, tooltip=["agent:N", "figure:N", "mean:Q", "low:Q", "high:Q"]
        ),
    )


def _ends(low: float, high: float) -> dict[str, Any]:
    return {"low": low, "high": high} if isfinite(low) else {}


def _marks(cases: Mapping[str, Case], agents: list[str], color: alt.Color, height: int) -> alt.Chart:
    """Plot each agent's marks, one point per case: is it a little better everywhere, or much better in few cases?"""
    rows = [
        {"case": name, "agent": agent, "mark": figures.mean([figures.of_run(run) for run in case.runs[agent]])["mark"]}
        for name, case in cases.items()
        for agent in agents
        if agent in case.runs
    ]
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), width=_NARROW, height=height)
        .mark_tick(thickness=1.5, opacity=0.6)
        .encode(
            x=alt.X("agent:N", title=None, sort=agents, axis=alt.Axis(labelAngle=-30)),
            y=alt.Y("mark:Q", title="mark of each case"),
            color=color,
            tooltip=["case:N", "agent:N", "mark:Q"],
        )
    )
    return drawn


def write(cases: Mapping[str, Case], found: Summary, folder: Path) -> None:
    """Write the plot as `plot.html` (self-contained), `plot.svg` and `plot.png`; raises OSError."""
    plot_files.write(chart(cases, found), folder)
