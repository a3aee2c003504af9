"""Panels, and their layout on a dashboard: three side by side, under the title of their row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshquake.exporters.formats.grafana.provisioning import LOKI, PROMETHEUS, TEMPO, reference
from meshquake.exporters.formats.grafana.recorded import Recorded

#: Columns of Grafana's grid, and the height of a panel in it.
_WIDTH, _HEIGHT = 24, 8


@dataclass(frozen=True)
class Query:
    """A query to a data source.

    Attributes
    ----------
    text
        PromQL with placeholders of metrics (`exporters.formats.grafana.recorded`), LogQL, or TraceQL.
    legend
        The template of a series' name, with its labels.
    """

    text: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes
    ----------
    title, help
        Its title and description.
    queries
        The queries that it shows.
    unit
        Grafana's name of the unit of its values.
    type
        Grafana's type of panel.
    source
        The uid of the data source.
    width
        Its width in columns of the grid, which has 24.
    options
        Options of its type of panel.
    """

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    help: str = ""
    type: str = "timeseries"
    source: str = PROMETHEUS
    width: int = 8
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Panels under a title."""

    title: str
    panels: Sequence[Panel]


def laid_out(rows: Iterable[Row], recorded: Recorded) -> list[dict[str, Any]]:
    """Return the panels of a dashboard with their ids and positions, leaving out those without recorded metrics."""
    found: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels = [(panel, targets) for panel in row.panels if (targets := _targets(panel, recorded))]
        if not panels:
            continue
        line = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        found.append({"id": len(found) + 1, **line, "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top}})
        top += 1
        left = 0
        for panel, targets in panels:
            if left + panel.width > _WIDTH:
                left, top = 0, top + _HEIGHT
            place = {"h": _HEIGHT, "w": panel.width, "x": left, "y": top}
            found.append({"id": len(found) + 1, **_panel(panel, targets), "gridPos": place})
            left += panel.width
        top += _HEIGHT
    return found


def _targets(panel: Panel, recorded: Recorded) -> list[dict[str, Any]]:
    """Return the targets of a panel, for those of its queries whose metrics were recorded."""
    targets: list[dict[str, Any]] = []
    for query in panel.queries:
        text = recorded.expression(query.text) if panel.source == PROMETHEUS else query.text
        if text is None:
            continue
        target: dict[str, Any] = {"refId": chr(ord("A") + len(targets)), "datasource": reference(panel.source)}
        if panel.source == TEMPO:
            target |= {"queryType": "traceql", "query": text, "limit": 50, "tableType": "traces"}
        else:
            target |= {"expr": text, "legendFormat": query.legend}
            if panel.source == PROMETHEUS:
                instant = panel.type in ("table", "stat")
                target |= {"editorMode": "code", "instant": instant, "range": not instant}
                target |= {"format": "table"} if panel.type == "table" else {}
            else:
                target |= {"queryType": "range"}
        targets.append(target)
    return targets


def _panel(panel: Panel, targets: list[dict[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": panel.type,
        "title": panel.title,
        **({"description": panel.help} if panel.help else {}),
        "datasource": reference(panel.source),
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {**_OPTIONS.get(panel.type, {}), **panel.options},
    }
    if panel.type == "timeseries":
        content["fieldConfig"]["defaults"] |= {
            "min": 0,
            "custom": {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"},
        }
    return content


#: The default options of each type of panel.
_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
    },
    "logs": {
        "showTime": True,
        "wrapLogMessage": True,
        "enableLogDetails": True,
        "sortOrder": "Descending",
        "dedupStrategy": "none",
        "showLabels": False,
        "showCommonLabels": False,
        "prettifyLogMessage": False,
    },
    "table": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}},
}


def lines(title: str, text: str) -> Panel:
    """Return a panel of log lines over the whole width."""
    return Panel(title, [Query(text)], type="logs", source=LOKI, width=_WIDTH)
