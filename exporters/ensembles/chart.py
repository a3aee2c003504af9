"""Plots of an ensemble: means with bands, and every run as a point, so that bimodal outcomes show as two clusters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import altair as alt

from meshquake.ensembles.amounts import amounts
from meshquake.ensembles.analysis import Analysis
from meshquake.ensembles.study import Study
from meshquake.exporters import plot_files
from meshquake.exporters.page.charts import PAPER, SERIES, Chart

_WIDTH, _HEIGHT = 360, 200
#: Most runs that are drawn as points of a plot; means and bands always cover all runs.
_MOST = 20_000


def chart(analysis: Analysis) -> alt.VConcatChart:
    """Plot each response over the first parameter, with a colour for each combination of the others.

    For a hypercube, plot each response over each parameter.
    """
    study = analysis.study
    over = range(len(study.axes)) if study.sample is not None else range(min(1, len(study.axes)))
    rows = [
        alt.hconcat(*(_plot(analysis, response, axis) for axis in (over or [None])))
        for response in range(len(study.responses))
    ]
    drawn: alt.VConcatChart = alt.vconcat(*rows).properties(title=study.name)
    return drawn


def _plot(analysis: Analysis, response: int, axis: int | None) -> Chart:
    study = analysis.study
    hypercube = study.sample is not None
    labels = [cell.levels[axis].label if axis is not None else cell.label for cell in study.cells]
    found = None if axis is None else amounts(labels)
    places: Sequence[float | str] = labels if found is None else found.values
    others = [
        ", ".join(level.label for turn, level in enumerate(cell.levels) if turn != axis and not hypercube)
        for cell in study.cells
    ]
    estimates = [
        {
            "x": places[cell],
            "level": labels[cell],
            "series": others[cell],
            "mean": _known(row[response].interval.estimate),
            "low": _known(row[response].interval.low),
            "high": _known(row[response].interval.high),
        }
        for cell, row in enumerate(analysis.estimates)
    ]
    points = [
        {
            "x": places[run.cell],
            "level": labels[run.cell],
            "series": others[run.cell],
            "value": _known(run.values[response]),
        }
        for run in analysis.runs[:_MOST]
    ]
    x = _nominal(study, axis, labels) if found is None else _quantitative(study.axes[axis or 0].name, found.unit)
    several = len(set(others)) > 1
    color: Any = (
        alt.Color("series:N", title=None, sort=None, scale=alt.Scale(range=SERIES))
        if several
        else alt.value(PAPER.other)
    )
    title = study.labels[response]
    runs = alt.Chart(alt.InlineData(points), width=_WIDTH, height=_HEIGHT).mark_circle(size=14, opacity=0.25)
    means = alt.Chart(alt.InlineData(estimates), width=_WIDTH, height=_HEIGHT)
    shown = {"x": x, "color": color}
    layers = [runs.encode(y=alt.Y("value:Q", title=title), tooltip=["level:N", "series:N", "value:Q"], **shown)]
    y, low, high = alt.Y("mean:Q", title=title), alt.Y("low:Q", title=title), alt.Y2("high")
    tooltip = ["level:N", "series:N", "mean:Q", "low:Q", "high:Q"]
    if found is not None and not hypercube:
        layers.append(means.mark_area(opacity=0.25).encode(y=low, y2=high, **shown))
        layers.append(means.mark_line(point=True).encode(y=y, tooltip=tooltip, **shown))
    else:
        layers.append(means.mark_rule(strokeWidth=2).encode(y=low, y2=high, **shown))
        layers.append(means.mark_point(filled=True, size=50, opacity=1).encode(y=y, tooltip=tooltip, **shown))
    return alt.layer(*layers)


def _nominal(study: Study, axis: int | None, labels: Sequence[str]) -> alt.X:
    """The axis of levels that are not amounts, in their own order."""
    listed = [] if axis is None else [level.label for level in study.axes[axis].levels]
    return alt.X(
        "x:N",
        title=None if axis is None else study.axes[axis].name,
        sort=listed or None,
        axis=alt.Axis(labelAngle=0, labelLimit=_WIDTH // max(1, len(set(labels)))),
    )


def _quantitative(name: str, unit: str) -> alt.X:
    """The axis of levels that are amounts, with their unit after each number."""
    return alt.X(
        "x:Q",
        title=name,
        axis=alt.Axis(labelAngle=0, labelExpr=f"datum.label + {json.dumps(unit)}"),
        scale=alt.Scale(zero=False),
    )


def _known(value: float) -> float | None:
    """Return a finite number, or None for nan and infinities, which JSON lacks."""
    return value if isfinite(value) else None


def write(analysis: Analysis, folder: Path) -> None:
    """Write the plot as `plot.html` (self-contained), `plot.svg` and `plot.png`; raises OSError."""
    plot_files.write(chart(analysis), folder)
