"""The dashboard of a service: its requests, resources, callees, callers, and log lines."""

from __future__ import annotations

from meshquake.exporters.formats.grafana.panels import Panel, Query, Row, lines
from meshquake.exporters.formats.grafana.provisioning import LOKI, TEMPO

#: Grafana's variable for the window of rates.
RATE = "$__rate_interval"
#: Percentiles of latency, by metric.
PERCENTILES = {"latency_p50": "50%", "latency_p95": "95%", "latency_p99": "99%"}
_OF = '{service="$service"}'
#: Log lines and spans are labelled with the title of a service.
_LINES = '{service_name="${service:text}"}'


def rows() -> list[Row]:
    """Return the rows of the dashboard."""
    requests, errors = (f"rate({{service.{name}}}{_OF}[{RATE}])" for name in ("request_rate", "error_rate"))
    return [
        Row(
            "Rate, errors, duration",
            [
                Panel("Requests", [_rate("request_rate")], "reqps"),
                Panel("Failed", [Query(f"{errors} / {requests}", "failed")], "percentunit"),
                Panel(
                    "Latency",
                    [
                        *(Query(f"{{service.{name}}}{_OF}", word) for name, word in PERCENTILES.items()),
                        *(
                            Query(f"{{service.{name.replace('latency', 'query_time')}}}{_OF}", f"{word} of queries")
                            for name, word in PERCENTILES.items()
                        ),
                    ],
                    "s",
                ),
                Panel("Rejected", [_of_service("shed_rate"), _of_service("rate_limited_rate")], "reqps"),
                Panel("95th percentile by replica", [_gauge("latency_p95")], "s"),
            ],
        ),
        Row(
            "Utilisation, saturation",
            [
                Panel("CPU", [_gauge("cpu_usage")], "percentunit"),
                Panel("Throttled", [_gauge("cpu_throttled")], "percentunit"),
                Panel("Memory", [_gauge("memory_usage")], "percentunit"),
                Panel("Workers", [_gauge("worker_utilization")], "percentunit"),
                Panel("Queued requests", [_gauge("queue_depth")]),
                Panel("Requests in progress", [_gauge("active_requests")]),
                Panel("Ready", [_gauge("pod_ready")]),
                Panel("Restarts", [_gauge("pod_restarts")]),
                Panel("Heap", [_gauge("heap_used")], "bytes"),
                Panel("Time in garbage collection", [_gauge("gc_time")], "percentunit"),
                Panel("Threads", [_gauge("threads")]),
                Panel("Event loop lag", [_gauge("event_loop_lag")], "s"),
                Panel("Received", [_rate("network_received")], "Bps"),
                Panel("Sent", [_rate("network_sent")], "Bps"),
                Panel("Open file descriptors", [_gauge("open_descriptors")]),
                Panel("Disk reads", [_rate("disk_read")], "Bps"),
                Panel("Disk writes", [_rate("disk_written")], "Bps"),
                Panel("Disk usage", [_gauge("disk_usage")], "percentunit"),
            ],
        ),
        Row(
            "Database or cache",
            [
                Panel("Connections", [Query(f"{{service.connections_in_use}}{_OF}", "in use")]),
                Panel("Connections opened", [_of_service("connections_opened")], "cps"),
                Panel("Hits", [Query(f"{{service.cache_hit_rate}}{_OF}", "hits")], "percentunit"),
            ],
        ),
        Row(
            "Calls to other services",
            [
                Panel("Retries", [_calls("retry_rate", _OF, "target")], "reqps"),
                Panel("Timeouts", [_calls("timeout_rate", _OF, "target")], "reqps"),
                Panel(
                    "Circuit breakers",
                    [Query(f"{{caller.circuit_breaker_state}}{_OF}", "{{replica}} -> {{target}}")],
                    help="0 closed, 1 half open, 2 open.",
                ),
                Panel("Connections in use", [Query(f"{{caller.pool_in_use}}{_OF}", "{{replica}} -> {{target}}")]),
            ],
        ),
        Row(
            "Calls from other services",
            [
                Panel("Retries", [_calls("retry_rate", '{target="$service"}', "service")], "reqps"),
                Panel("Timeouts", [_calls("timeout_rate", '{target="$service"}', "service")], "reqps"),
                Panel(
                    "Circuit breakers",
                    [Query('max by (service) ({edge.circuit_breaker_state}{target="$service"})', "{{service}}")],
                    help="0 closed, 1 half open, 2 open: the worst of the caller's replicas.",
                ),
            ],
        ),
        Row(
            "Logs and traces",
            [
                Panel(
                    "Lines by level",
                    [Query(f"sum by (level) (count_over_time({_LINES} [$__interval]))", "{{level}}")],
                    source=LOKI,
                    width=12,
                ),
                Panel(
                    "Failed requests",
                    [Query('{ resource.service.name = "${service:text}" && status = error }')],
                    type="table",
                    source=TEMPO,
                    width=12,
                ),
                lines("Lines", _LINES),
            ],
        ),
    ]


def _gauge(metric: str) -> Query:
    return Query(f"{{replica.{metric}}}{_OF}", "{{replica}}")


def _rate(metric: str) -> Query:
    return Query(f"rate({{replica.{metric}}}{_OF}[{RATE}])", "{{replica}}")


def _of_service(metric: str) -> Query:
    return Query(f"rate({{service.{metric}}}{_OF}[{RATE}])", metric.removesuffix("_rate").replace("_", " "))


def _calls(metric: str, of: str, other: str) -> Query:
    return Query(f"sum by ({other}) (rate({{edge.{metric}}}{of}[{RATE}]))", f"{{{{{other}}}}}")
