"""Grafana's provisioning files, for data sources and dashboards.

The data sources link to each other: a log line to its trace, and a span to its log lines and its service's metrics.
"""

from __future__ import annotations

from typing import Any

import yaml

from meshquake.exporters.formats.grafana.recorded import Recorded

#: Data sources, by their uids.
PROMETHEUS, LOKI, TEMPO = "meshquake-prometheus", "meshquake-loki", "meshquake-tempo"
_TYPES = {PROMETHEUS: "prometheus", LOKI: "loki", TEMPO: "tempo"}
#: The rates of a span's service, and their selector and window.
_RATES = (("Requests", "{service.request_rate}"), ("Errors", "{service.error_rate}"))
_OF_SPAN = "{$$__tags}[$$__rate_interval]"
#: The folder of the dashboards on Grafana's host.
_DASHBOARDS = "/var/lib/grafana/dashboards/meshquake"


def reference(uid: str) -> dict[str, str]:
    """Return the reference of a panel to a data source."""
    return {"type": _TYPES[uid], "uid": uid}


def datasources(interval: float, recorded: Recorded) -> str:
    """Return the file of data sources, at the default addresses of Prometheus, Loki and Tempo.

    Parameters
    ----------
    interval
        Seconds between samples, from which Grafana derives the windows of rates: shorter ones would be empty.
    recorded
        The metrics that a span can link to.
    """
    rates = [(name, recorded.expression(f"sum(rate({metric}{_OF_SPAN}))")) for name, metric in _RATES]
    queries = [{"name": name, "query": query} for name, query in rates if query is not None]
    metrics = {
        "datasourceUid": PROMETHEUS,
        "spanStartTimeShift": "-1m",
        "spanEndTimeShift": "1m",
        "tags": [{"key": "service.name", "value": "service"}],
        "queries": queries,
    }
    spans = {
        "tracesToLogsV2": {
            "datasourceUid": LOKI,
            "spanStartTimeShift": "-1s",
            "spanEndTimeShift": "1s",
            "tags": [{"key": "service.name", "value": "service_name"}],
            "filterByTraceID": True,
        },
        **({"tracesToMetrics": metrics} if queries else {}),
        "serviceMap": {"datasourceUid": PROMETHEUS},
        "nodeGraph": {"enabled": True},
    }
    line = {
        "name": "trace_id",
        "matcherType": "label",
        "matcherRegex": "trace_id",
        "url": "$${__value.raw}",
        "urlDisplayLabel": "Trace",
        "datasourceUid": TEMPO,
    }
    sources = (
        (
            PROMETHEUS,
            "Meshquake metrics",
            "http://localhost:9090",
            {"httpMethod": "POST", "timeInterval": f"{interval:g}s"},
        ),
        (LOKI, "Meshquake logs", "http://localhost:3100", {"derivedFields": [line]}),
        (TEMPO, "Meshquake traces", "http://localhost:3200", spans),
    )
    return _text(
        {
            "apiVersion": 1,
            "datasources": [
                {
                    "uid": uid,
                    "name": name,
                    "type": _TYPES[uid],
                    "access": "proxy",
                    "url": url,
                    "isDefault": False,
                    "editable": True,
                    "jsonData": data,
                }
                for uid, name, url, data in sources
            ],
        }
    )


def dashboards() -> str:
    """Return the file that says where the dashboards are."""
    provider = {
        "name": "meshquake",
        "folder": "Meshquake",
        "folderUid": "meshquake",
        "type": "file",
        "allowUiUpdates": True,
        "options": {"path": _DASHBOARDS},
    }
    return _text({"apiVersion": 1, "providers": [provider]})


def _text(content: Any) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=200)
    return text
