"""What OpenTelemetry calls things: spans, their attributes and status, and who emitted them.

Names follow the semantic conventions, version 1.44 (https://opentelemetry.io/docs/specs/semconv/): users call the mesh
by HTTP, as services call those that aren't its own; services call each other by gRPC; databases and caches are called
as such. What the conventions have no name for has one that begins with `mesh.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshquake.exporters.columns.operations import called
from meshquake.topology.errors import ERRORS
from meshquake.topology.spec import Topology

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

#: Kinds of spans, as OTLP numbers them.
SERVER, CLIENT = 2, 3
#: No operation is known to read only.
_METHOD = "POST"
#: The product whose words the log lines of a kind of service use.
_SYSTEMS = {"database": "postgresql", "cache": "redis"}
#: Attributes of a span by which its duration is measured too.
_MEASURED = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "url.scheme",
    "rpc.system.name",
    "rpc.method",
    "rpc.response.status_code",
    "db.system.name",
    "db.operation.name",
    "server.address",
    "server.port",
    "error.type",
)
#: Upper bounds of the buckets of durations, in seconds, by the beginning of the metric's name.
BOUNDS = {
    "http": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    "rpc": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    "db": (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0),
}

Attributes = dict[str, str | int]


@dataclass(frozen=True)
class Description:
    """What is said of a span besides its ids and times.

    Attributes
    ----------
    name, kind, attributes
        As OTLP has them.
    failed
        Whether its status is an error; else it's unset.
    metric
        The histogram that measures its duration; None for the inside of a database, which has none.
    """

    name: str
    kind: int
    attributes: Attributes
    failed: bool
    metric: str | None

    @property
    def measured(self) -> Attributes:
        """Attributes of its measurement."""
        return {name: value for name, value in self.attributes.items() if name in _MEASURED}


class Conventions:
    """Describes the spans of a mesh."""

    #: Columns of a trace record that a description depends on.
    COLUMNS = ("service", "operation", "kind", "status", "error_type", "status_code", "peer", "attempt")

    def __init__(self, topology: Topology) -> None:
        self._kinds = {service.name: service.kind for service in topology.services}

    def describe(self, span: Mapping[str, Any]) -> Description:
        """Describe a span that has these values in `COLUMNS`."""
        server = span["kind"] == "server"
        callee, operation = called(span)
        kind = self._kinds[callee]
        if kind in _SYSTEMS:
            name, attributes, metric = _database(server, callee, operation, _SYSTEMS[kind])
        elif kind in ("gateway", "external") or span["peer"] is None:
            name, attributes, metric = _http(span, server, callee, operation)
        else:
            name, attributes, metric = _rpc(span, server, callee, operation)
        if server and span["peer"] is not None:
            attributes["client.address"] = span["peer"]
        if span["error_type"] is not None:
            attributes["error.type"] = span["error_type"]
        if span["attempt"] > 1:
            attributes["mesh.attempt"] = span["attempt"]
        # To a server, an answer that says it's the client's fault is no error.
        failed = span["status"] == "error" and not (server and 400 <= span["status_code"] < 500)
        return Description(name, SERVER if server else CLIENT, attributes, failed, metric)


_Parts = tuple[str, Attributes, str | None]


def _http(span: Mapping[str, Any], server: bool, callee: str, operation: str) -> _Parts:
    route = f"/{operation}"
    attributes: Attributes = {"http.request.method": _METHOD, "server.address": callee, "url.scheme": "http"}
    if server:
        attributes |= {"http.route": route, "url.path": route}
    else:
        attributes |= {"server.port": 80, "url.full": f"http://{callee}{route}", "url.template": route}
        if span["attempt"] > 1:
            attributes["http.request.resend_count"] = span["attempt"] - 1
    error = span["error_type"]
    answered = server or error is None or ERRORS[error].answered
    if answered and span["status_code"]:
        attributes["http.response.status_code"] = span["status_code"]
    return f"{_METHOD} {route}", attributes, f"http.{'server' if server else 'client'}.request.duration"


def _rpc(span: Mapping[str, Any], server: bool, callee: str, operation: str) -> _Parts:
    method, error = f"{callee}/{operation}", span["error_type"]
    attributes: Attributes = {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        "rpc.response.status_code": "OK" if error is None else ERRORS[error].grpc,
        "server.address": callee,
    }
    return method, attributes, f"rpc.{'server' if server else 'client'}.call.duration"


def _database(server: bool, callee: str, operation: str, system: str) -> _Parts:
    attributes: Attributes = {"db.system.name": system, "db.operation.name": operation, "server.address": callee}
    return f"{operation} {callee}", attributes, None if server else "db.client.operation.duration"


def resource(service: str, replica: str | None, version: str | None) -> Attributes:
    """Who emitted something: a process, or a service as a whole."""
    attributes: Attributes = {"service.name": service}
    if version is not None:
        attributes["service.version"] = version
    if replica is not None:
        attributes |= {"service.instance.id": replica, "k8s.pod.name": replica}
    return attributes
