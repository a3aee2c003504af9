"""The sink that writes the bundle; from the records it only notes what to show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.grafana import (
    logs_dashboard,
    mesh_dashboard,
    provisioning,
    service_dashboard,
    traces_dashboard,
)
from meshquake.exporters.formats.grafana.panels import Row, laid_out
from meshquake.exporters.formats.grafana.provisioning import LOKI, reference
from meshquake.exporters.formats.grafana.recorded import Recorded
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.logs.form import LEVELS

#: The schema version of the dashboards: that of Grafana 10.3, which later versions migrate.
_SCHEMA_VERSION = 39
_Variable = dict[str, Any]


def sink(target: Path, context: Context) -> BundleSink:
    """Return a sink that writes the bundle into a folder."""
    return BundleSink(target, context)


class BundleSink:
    """Notes which metrics were recorded and which services users call, and writes all files at the end."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._files = Files(folder)
        self._context = context
        self._recorded = Recorded(context.metrics)
        self._entries: set[str] = set()

    def write(self, batch: Batch) -> None:
        """Take a batch."""
        self._recorded.take(batch.metrics)
        asked = (pl.col("kind") == "server") & pl.col("parent_span_id").is_null()
        self._entries.update(batch.traces.filter(asked)["service"])

    def close(self) -> None:
        """Write the files, and flush them to disk."""
        interval = self._context.interval
        self._files.write(
            "provisioning/datasources/meshquake.yaml", provisioning.datasources(interval, self._recorded).encode()
        )
        self._files.write("provisioning/dashboards/meshquake.yaml", provisioning.dashboards().encode())
        titles = {service.name: service.title for service in self._context.topology.services}
        one = _chosen("service", [(title, name) for name, title in titles.items()])
        several = _chosen("service", [(title, title) for title in titles.values()], several=True)
        level = _chosen("level", [(each, each) for each in LEVELS], several=True)
        for name, title, rows, variables in (
            ("mesh", "Mesh", mesh_dashboard.rows(self._entries), []),
            ("service", "Service", service_dashboard.rows(), [one]),
            ("logs", "Logs", logs_dashboard.rows(), [several, level, _typed("search", "")]),
            ("traces", "Traces", traces_dashboard.rows(), [several, _typed("slower", "1s")]),
        ):
            content = self._dashboard(name, title, rows, variables)
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            self._files.write(f"dashboards/{name}.json", text.encode())
        self._files.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()

    def _dashboard(self, name: str, title: str, rows: Sequence[Row], variables: list[_Variable]) -> dict[str, Any]:
        begin = self._context.start
        end = begin + timedelta(seconds=self._context.length)
        return {
            "uid": f"meshquake-{name}",
            "title": title,
            "description": f"{self._context.topology.name}, as meshquake recorded and sent it",
            "tags": ["meshquake"],
            "schemaVersion": _SCHEMA_VERSION,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "timezone": "utc",
            "time": {"from": _moment(begin), "to": _moment(end)},
            "refresh": "",
            "annotations": {"list": [_EVENTS]},
            "templating": {"list": variables},
            "links": [_LINK],
            "panels": laid_out(rows, self._recorded),
        }


def _moment(at: Any) -> str:
    """Format a moment as Grafana does, with milliseconds."""
    text: str = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text[:-4] + "Z"


#: The annotation that marks events on all graphs.
_EVENTS = {
    "name": "Events",
    "enable": True,
    "hide": False,
    "iconColor": "orange",
    "datasource": reference(LOKI),
    "expr": '{source="events"}',
    "titleFormat": "{{service_name}}: {{type}}",
    "textFormat": "",
    "tagKeys": "service_name,type",
}
#: The link to the other dashboards.
_LINK = {
    "type": "dashboards",
    "title": "Meshquake",
    "tags": ["meshquake"],
    "asDropdown": True,
    "includeVars": False,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}


def _chosen(name: str, values: Sequence[tuple[str, str]], several: bool = False) -> _Variable:
    """Return a variable chosen from a list of texts and their values."""
    first = {"selected": True, "text": values[0][0], "value": values[0][1]}
    every = {"selected": True, "text": ["All"], "value": ["$__all"]}
    options = [{"selected": False, "text": text, "value": value} for text, value in values]
    if several:
        options = [{"selected": True, "text": "All", "value": "$__all"}, *options]
    else:
        options[0] = first
    return {
        "type": "custom",
        "name": name,
        "label": name.title(),
        "hide": 0,
        "skipUrlSync": False,
        "multi": several,
        "includeAll": several,
        "query": ", ".join(
            _written(text) if text == value else f"{_written(text)} : {value}" for text, value in values
        ),
        "current": every if several else first,
        "options": options,
    }


def _written(text: str) -> str:
    """Escape a text for a comma-separated list."""
    return text.replace(",", "\\,")


def _typed(name: str, text: str) -> _Variable:
    """Return a variable with a text that the user types."""
    value = {"selected": True, "text": text, "value": text}
    return {
        "type": "textbox",
        "name": name,
        "label": name.title(),
        "hide": 0,
        "skipUrlSync": False,
        "query": text,
        "current": value,
        "options": [value],
    }
