"""The dashboard of the mesh at a glance: what users get, every service, the calls between them, and the nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from meshquake.exporters.formats.grafana.panels import Panel, Query, Row, lines
from meshquake.exporters.formats.grafana.service_dashboard import PERCENTILES, RATE


def rows(entries: Collection[str]) -> list[Row]:
    """Return the rows of the dashboard; `entries` are the services that users call."""
    # The entries are unknown if the recording has no root span.
    names = "|".join(re.escape(name) for name in sorted(entries)) or ".+"
    users = f"{{service=~{json.dumps(names)}}}"
    asked = f"rate({{service.request_rate}}{users}[{RATE}])"
    failed = f"rate({{service.error_rate}}{users}[{RATE}])"
    share = f"sum({failed}) / sum({asked})"
    requests = f"sum by (service) (rate({{service.request_rate}}[{RATE}]))"
    errors = f"sum by (service) (rate({{service.error_rate}}[{RATE}])) / {requests}"
    return [
        Row(
            "User experience",
            [
                Panel("Requests", [Query(f"sum({asked})")], "reqps", type="stat", width=4),
                Panel("Failed", [Query(share)], "percentunit", type="stat", width=4),
                Panel("95th percentile", [Query(f"max({{service.latency_p95}}{users})")], "s", type="stat", width=4),
                Panel("Requests", [Query(f"sum by (service) ({asked})", "{{service}}")], "reqps", width=12),
                Panel("Failed", [Query(share, "failed")], "percentunit", width=12),
                Panel(
                    "Latency",
                    [Query(f"max({{service.{name}}}{users})", word) for name, word in PERCENTILES.items()],
                    "s",
                    "Each percentile covers one interval; the highest among the services that users call.",
                    width=12,
                ),
                Panel("Goodput", [Query(f"sum(rate({{service.goodput}}{users}[{RATE}]))", "goodput")], "reqps"),
                Panel("Abandoned", [Query(f"sum(rate({{service.abandonment_rate}}{users}[{RATE}]))", "left")], "reqps"),
            ],
        ),
        Row(
            "Services: rate, errors, duration",
            [
                Panel("Requests", [Query(requests, "{{service}}")], "reqps"),
                Panel("Failed", [Query(errors, "{{service}}")], "percentunit"),
                Panel(
                    "95th percentile",
                    [
                        Query("{service.latency_p95}", "{{service}}"),
                        Query("{service.query_time_p95}", "{{service}} queries"),
                    ],
                    "s",
                ),
            ],
        ),
        Row(
            "Services: utilisation, saturation",
            [
                Panel("CPU", [Query("{service.cpu_usage}", "{{service}}")], "percentunit"),
                Panel("Memory", [Query("{service.memory_usage}", "{{service}}")], "percentunit"),
                Panel("Workers", [Query("{service.worker_utilization}", "{{service}}")], "percentunit"),
                Panel("Queued requests", [Query("{service.queue_depth}", "{{service}}")]),
                Panel("Requests in progress", [Query("{service.active_requests}", "{{service}}")]),
                Panel(
                    "Restarts",
                    [Query(f"sum by (service) (increase({{replica.pod_restarts}}[{RATE}]))", "{{service}}")],
                ),
            ],
        ),
        Row(
            "Calls",
            [
                Panel("Retries", [_calls("retry_rate")], "reqps"),
                Panel("Timeouts", [_calls("timeout_rate")], "reqps"),
                Panel(
                    "Circuit breakers",
                    [Query("max by (service, target) ({edge.circuit_breaker_state})", "{{service}} -> {{target}}")],
                    help="0 closed, 1 half open, 2 open: the worst of the caller's replicas.",
                ),
                Panel(
                    "Connections in use",
                    [Query("sum by (service, target) ({edge.pool_in_use})", "{{service}} -> {{target}}")],
                ),
                Panel("TCP retransmissions", [_calls("network_retransmits")], "pps"),
            ],
        ),
        Row(
            "Nodes",
            [
                Panel("CPU", [Query("{node.node_cpu}", "{{replica}}")], help="Cores in use."),
                Panel("Memory", [Query("{node.node_memory}", "{{replica}}")], "bytes"),
                Panel("Pods", [Query("{node.node_pods}", "{{replica}}")]),
            ],
        ),
        Row("Events", [lines("Events", '{source="events"}')]),
    ]


def _calls(metric: str) -> Query:
    return Query(f"sum by (service, target) (rate({{edge.{metric}}}[{RATE}]))", "{{service}} -> {{target}}")
