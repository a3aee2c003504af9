"""Grafana's provisioning files, for data sources and dashboards.

The data sources link to each other: a log line to its trace, and a span to its log lines and its service's metrics.
"""

from __future__ import annotations

from typing import Any

import yaml

#: Data sources, by their uids.
PROMETHEUS, LOKI, TEMPO = "meshquake-prometheus", "meshquake-loki", "meshquake-tempo"
_TYPES = {PROMETHEUS: "prometheus", LOKI: "loki", TEMPO: "tempo"}
#: The folder of the dashboards on Grafana's host.
_DASHBOARDS = "/var/lib/grafana/dashboards/meshquake"


def reference(uid: str) -> dict[str, str]:
    """Return the reference of a panel to a data source."""
    return {"type": _TYPES[uid], "uid": uid}


def datasources(interval: float) -> str:
    """Return the file of data sources, at the default addresses of Prometheus, Loki and Tempo.

    Parameters
    ----------
    interval
        Seconds between samples, from which Grafana derives the windows of rates: shorter ones would be empty.
    """
    spans = {
        "tracesToLogsV2": {
            "datasourceUid": LOKI,
            "spanStartTimeShift": "-1s",
            "spanEndTimeShift": "1s",
            "tags": [{"key": "service.name", "value": "service_name"}],
            "filterByTraceID": True,
        },
        "tracesToMetrics": {
            "datasourceUid": PROMETHEUS,
            "spanStartTimeShift": "-1m",
            "spanEndTimeShift": "1m",
            "tags": [{"key": "service.name", "value": "service"}],
            "queries": [
                {"name": "Requests", "query": "sum(rate(mesh_service_requests_total{$$__tags}[$$__rate_interval]))"},
                {"name": "Errors", "query": "sum(rate(mesh_service_errors_total{$$__tags}[$$__rate_interval]))"},
            ],
        },
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
