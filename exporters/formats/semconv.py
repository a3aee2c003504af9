"""OpenTelemetry's semantic conventions: names of spans, their attributes and status, and their resources.

Names follow the semantic conventions, version 1.44 (https://opentelemetry.io/docs/specs/semconv/). The topology
determines the protocol of an operation: a route is HTTP, an `rpc` is gRPC, a statement or a command is a database's. An
operation that specifies none of these is a database command if its service is a database or a cache; else it uses the
protocol of its service's framework (`stack`), with a route derived from its name. Without a stack it is an RPC method,
since the convention for RPC needs nothing but a service and a method. Attributes that the conventions don't cover have
names that begin with `mesh.`. A span's own attributes (`attributes` of its record) take precedence. Attributes that a
`telemetry:` block renames or leaves out in records are renamed or left out here too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.columns.operations import called
from meshquake.sim.telemetry.requests.operation_words import KEYED, OperationWords
from meshquake.sim.telemetry.spans.span_attributes import by_http
from meshquake.topology.errors import ERRORS
from meshquake.topology.placement import NODES, Placement
from meshquake.topology.spec import Operation, Service, Topology
from meshquake.topology.telemetry.vocabulary import vocabulary

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

#: OTLP's numbers of span kinds.
INTERNAL, SERVER, CLIENT = 1, 2, 3
#: The default product of each kind of store, as in its log lines.
_SYSTEMS = {"database": "postgresql", "cache": "redis"}
#: A parameter of a route, such as `{id}`, `:id` or `<id>`.
_PARAMETER = re.compile(r"\{[^/}]*\}|:\w+|<[^/>]*>")
_NAME = r"([`\"\[]?[A-Za-z_][\w.`\"\[\]]*)"
#: SQL operations, and the tables that they and their clauses act on; names may be quoted.
_CLAUSE = re.compile(
    rf"\b(SELECT|INSERT|DELETE)\b|(?<!FOR )\b(UPDATE)\s+{_NAME}|\b(?:FROM|INTO|TABLE|JOIN)\s+{_NAME}",
    re.ASCII | re.IGNORECASE,
)
_QUOTES = re.compile(r"[`\"\[\]]")
#: Most characters of a query's summary.
_LONGEST_SUMMARY = 255
#: Stores whose commands act on one collection, which is the word after the command.
_OF_COLLECTIONS = ("mongodb", "aws.dynamodb", "couchbase", "couchdb")
#: A command in the syntax of MongoDB's shell.
_OF_SHELL = re.compile(r"db\.(\w+)\.(\w+)\(")
#: Attributes of a span that its duration metric has too.
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
    "db.collection.name",
    "db.query.summary",
    "server.address",
    "server.port",
    "error.type",
)
#: Upper bounds of the buckets of durations, in seconds, by the first part of the metric's name.
BOUNDS = {
    "http": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    "rpc": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    "db": (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0),
}

#: The same or roughly the same metrics in the conventions.
METRICS = {
    "cpu_usage": "k8s.pod.cpu.usage",
    "memory_usage": "k8s.pod.memory.usage",
    "network_received": "k8s.pod.network.io",
    "network_sent": "k8s.pod.network.io",
    "open_descriptors": "process.unix.file_descriptor.count",
    "disk_read": "container.disk.io",
    "disk_written": "container.disk.io",
    "gc_time": "jvm.gc.duration",
    "gc_collections": "jvm.gc.duration",
    "heap_used": "jvm.memory.used",
    "threads": "jvm.thread.count",
    "event_loop_lag": "nodejs.eventloop.delay.mean",
    "pod_restarts": "k8s.container.restart.count",
    "pod_ready": "k8s.container.ready",
    "node_cpu": "k8s.node.cpu.usage",
    "node_memory": "k8s.node.memory.usage",
    "node_disk_used": "k8s.node.filesystem.usage",
}

Attributes = dict[str, str | int]


@dataclass(frozen=True)
class Description:
    """A span in OpenTelemetry's terms, without ids and times.

    Attributes
    ----------
    name, kind, attributes
        As in OTLP.
    failed
        Whether its status is an error; otherwise the status is unset.
    metric
        The histogram of its duration; None for server spans of databases and internal spans, which have none.
    """

    name: str
    kind: int
    attributes: Attributes
    failed: bool
    metric: str | None

    @property
    def measured(self) -> Attributes:
        """The attributes of the duration metric."""
        return {name: value for name, value in self.attributes.items() if name in _MEASURED}


class Conventions:
    """Describes the spans of a mesh."""

    #: Columns of a trace record that a description depends on.
    COLUMNS = ("service", "operation", "kind", "status", "error_type", "status_code", "peer", "attempt")
    #: The same, plus the columns of the span's own attributes that a description depends on.
    TOLD = (*COLUMNS, told_attributes.KEYS, told_attributes.QUERY)

    def __init__(self, topology: Topology) -> None:
        self._placement = Placement(topology)
        self._services = {service.name: service for service in topology.services}
        self._operations = {
            (service.name, operation.name): operation
            for service in topology.services
            for operation in service.operations
        }
        #: The recorded name of each attribute that spans may have of their own, None if it isn't recorded.
        self._recorded = {name: topology.telemetry.traces.called(name) for name in vocabulary().attributes}
        self._hedging = {(edge.caller, edge.callee) for edge in topology.edges if edge.hedge is not None}

    def told(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Add to trace records the columns of their own attributes that a description depends on (`TOLD`)."""
        return told_attributes.told(spans, self._recorded["db.query.text"])

    def title(self, service: str) -> str:
        """Return the name of a service in other tools."""
        return self._services[service].title

    def resource(self, row: Mapping[str, Any]) -> Attributes:
        """Return the attributes of a resource, given service, replica and version."""
        service, replica = row["service"], row["replica"]
        if service == NODES:
            return {"k8s.node.name": replica}
        attributes = resource(service, replica, row["version"], self.title(service))
        if replica is not None:
            attributes["k8s.node.name"] = self._placement.node(service, replica)
        return attributes

    def describe(self, span: Mapping[str, Any]) -> Description:
        """Describe a span, given its values in `COLUMNS` and optionally `TOLD`, without its own attributes."""
        name, operation_name = called(span)
        if span["kind"] == "internal":
            return _inside(operation_name, span)
        server = span["kind"] == "server"
        callee = self._services[name]
        # For a case whose truth is withheld, only operations with a protocol are known.
        operation = self._operations.get((name, operation_name)) or Operation(operation_name)
        if callee.kind in _SYSTEMS:
            asked = span.get(told_attributes.QUERY)
            if asked is not None and not (operation.statement or operation.command):
                operation = _asking(callee, operation, told_attributes.query(asked))
            attributes, metric = _database(server, callee, operation)
        elif route := request(callee, operation):
            attributes, metric = _http(span, server, callee, route)
        else:
            attributes, metric = _rpc(span, server, callee, operation)
        if server and span["peer"] is not None:
            attributes["client.address"] = span["peer"]
        error = span["error_type"]
        # On the server side, an error of the request (such as 404) is not a failure.
        failed = error is not None and not (server and ERRORS[error].of_request)
        if failed or (error is not None and metric is None):
            # A server span of a database has no status code that would show the error.
            attributes["error.type"] = error
        if span["attempt"] > 1:
            # gRPC reports retries and hedges alike (`grpc-previous-rpc-attempts`); only the caller can tell them apart.
            attributes["mesh.attempt"] = span["attempt"]
            if not server and (span["service"], span["peer"]) in self._hedging:
                attributes["mesh.attempt_kind"] = "hedge"
        own = (span.get(told_attributes.KEYS) or "").split()
        others = {
            written: value
            for name, value in attributes.items()
            if (written := self._recorded.get(name, name)) is not None and written not in own
        }
        return Description(span_name(callee, operation), SERVER if server else CLIENT, others, failed, metric)


def span_name(callee: Service, operation: Operation) -> str:
    """Return the name of an operation's spans, on both sides of a call."""
    if callee.kind in _SYSTEMS:
        query = _Query.of(callee, operation)
        return query.summary or f"{query.operation} {query.collection or callee.name}"
    return request(callee, operation) or operation.rpc or f"{callee.title}/{operation.name}"


def request(callee: Service, operation: Operation) -> str:
    """Return the HTTP method and route of an operation, its own or those of its service's stack; empty if not HTTP."""
    if operation.route or not by_http(callee, operation):
        return operation.route
    asked = OperationWords(callee.name, operation.name)
    return f"{asked.method} {asked.route}"


def _asking(store: Service, operation: Operation, text: str) -> Operation:
    """Give a store's operation, whose topology specifies no query, the query of a span."""
    keyed = store.kind == "cache" or store.product in (*KEYED, *_OF_COLLECTIONS)
    return replace(operation, command=text) if keyed else replace(operation, statement=text)


def _inside(name: str, span: Mapping[str, Any]) -> Description:
    """Describe an internal span, which has just a name and perhaps an error."""
    error = span["error_type"]
    attributes: Attributes = {} if error is None else {"error.type": error}
    return Description(name, INTERNAL, attributes, error is not None, None)


_Parts = tuple[Attributes, str | None]


def _http(span: Mapping[str, Any], server: bool, callee: Service, request: str) -> _Parts:
    method, route = request.split(" ", 1)
    # Where a span doesn't say what its request is about, only the place of an id is known. The conventions require a
    # path all the same, and have a word for a part of a URL that was removed.
    path = _PARAMETER.sub("REDACTED", route)
    attributes: Attributes = {"http.request.method": method, "server.address": callee.name, "url.scheme": "http"}
    if server:
        attributes |= {"http.route": route, "url.path": path}
    else:
        attributes |= {"server.port": 80, "url.full": f"http://{callee.name}{path}", "url.template": route}
        if span["attempt"] > 1:
            attributes["http.request.resend_count"] = span["attempt"] - 1
    error = span["error_type"]
    answered = server or error is None or ERRORS[error].answered
    if answered and span["status_code"]:
        attributes["http.response.status_code"] = span["status_code"]
    return attributes, f"http.{'server' if server else 'client'}.request.duration"


def _rpc(span: Mapping[str, Any], server: bool, callee: Service, operation: Operation) -> _Parts:
    error = span["error_type"]
    attributes: Attributes = {
        "rpc.system.name": "grpc",
        "rpc.method": span_name(callee, operation),
        "rpc.response.status_code": "OK" if error is None else ERRORS[error].grpc,
        "server.address": callee.name,
    }
    return attributes, f"rpc.{'server' if server else 'client'}.call.duration"


def _database(server: bool, callee: Service, operation: Operation) -> _Parts:
    query = _Query.of(callee, operation)
    system = callee.product or _SYSTEMS[callee.kind]
    attributes: Attributes = {"db.system.name": system, "db.operation.name": query.operation}
    if text := operation.statement or operation.command:
        attributes["db.query.text"] = text
    if query.collection:
        attributes["db.collection.name"] = query.collection
    if query.summary:
        attributes["db.query.summary"] = query.summary
    attributes["server.address"] = callee.name
    return attributes, None if server else "db.client.operation.duration"


@dataclass(frozen=True)
class _Query:
    """A query to a store: the operation, the collection if there is exactly one, and a summary.

    All keep the case of the topology, as the conventions require.
    """

    operation: str
    collection: str = ""
    summary: str = ""

    @classmethod
    def of(cls, store: Service, operation: Operation) -> _Query:
        """Return the query of a store's operation."""
        if operation.statement:
            return cls._of_sql(operation.statement)
        if found := _OF_SHELL.match(operation.command):
            return cls(found[2], found[1])
        word, _, rest = operation.command.partition(" ")
        if rest and store.product in _OF_COLLECTIONS:
            return cls(word, rest.split()[0])
        return cls(word or operation.name)

    @classmethod
    def _of_sql(cls, statement: str) -> _Query:
        first = statement.split(None, 1)[0]
        words, targets = [], []
        for operation, update, updated, target in _CLAUSE.findall(statement):
            words += [_QUOTES.sub("", each) for each in (operation, update, updated, target) if each]
            targets += [_QUOTES.sub("", each) for each in (updated, target) if each]
        if words[:1] != [first]:
            words.insert(0, first)
        while len(" ".join(words)) > _LONGEST_SUMMARY:
            words.pop()
        one = targets[0] if len(set(targets)) == 1 else ""
        return cls(first, one, " ".join(words) if targets else "")


def resource(service: str, replica: str | None, version: str | None, title: str = "") -> Attributes:
    """Return the attributes of a resource: a replica, or a service as a whole; a service may have a title."""
    attributes: Attributes = {"service.name": title or service}
    if version is not None:
        attributes["service.version"] = version
    if replica is not None:
        # Pod names are DNS names, which have no capitals and no underscores.
        attributes |= {"service.instance.id": replica, "k8s.pod.name": replica.lower().replace("_", "-")}
    return attributes
