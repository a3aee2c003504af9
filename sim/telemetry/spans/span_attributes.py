"""Attributes of spans: what requests are about. Only spans of services with a stack have them.

The values are those of `sim.telemetry.requests.particulars`, shared with log lines. Names follow OpenTelemetry's
semantic conventions where they have one. What is known from the operation or the call (route, status, number of the
attempt) is not repeated in attributes: records have columns for it, and formats know the topology.

    the entry's server span     user.id user.tier session.id client.address user_agent.original
    any server span             user.id; for HTTP, url.path; for some stacks, thread.name; if it waited,
                                mesh.queue_wait_us
    a call                      network.peer.address; by HTTP also url.full; to a store also db.query.text, its
                                parameter, and returned rows
    a store's server span       db.query.text
"""

from __future__ import annotations

import json
from functools import cached_property

import numpy as np
import polars as pl

from meshquake.sim.telemetry.requests.particulars import About, Particulars
from meshquake.sim.telemetry.spans.instrumentation import instrumentations
from meshquake.sim.telemetry.spans.spans import Mask, Spans, owner
from meshquake.sim.telemetry.texts import evaluated, lookup, names
from meshquake.topology.spec import Operation, Service, Topology

#: Kinds of services that keep data.
_STORES = ("database", "cache")
#: Bits for groups of attributes: of a server half outside stores, of a user's request, of one by HTTP, of a thread, of
#: a wait; of a call by HTTP, a store's query, the rows that it returned, and the address of the other side.
_SERVER, _ENTRY, _HTTP, _THREAD, _WAITED, _URL, _QUERY, _ROWS, _FAR = (1 << bit for bit in range(9))
#: The beginnings of statements that return rows.
_READS = ("SELECT", "FIND", "DB.", "GETITEM", "QUERY")
#: All names of attributes, before any file renames them.
NAMES = (
    *("user.id", "user.tier", "session.id", "client.address", "user_agent.original", "url.path", "thread.name"),
    *("url.full", "mesh.queue_wait_us", "db.query.text", "db.query.parameter.0", "db.response.returned_rows"),
    "network.peer.address",
)
#: Characters that must be escaped in a JSON string.
_QUOTING = r'["\\]'
#: A key, with the pieces that make up its value in JSON.
Part = tuple[str, tuple[pl.Series | str, ...]]


class SpanAttributes:
    """Makes the attributes of the spans of a mesh."""

    def __init__(self, particulars: Particulars, topology: Topology) -> None:
        self._particulars = particulars
        services = topology.services
        told = [each.built_with is not None and each.span_attributes for each in services]
        #: By service: whether its spans have attributes, and whether it is a store.
        self._told: Mask = np.array(told)
        self._store: Mask = np.array([each.kind in _STORES for each in services])
        tables = particulars.tables
        reads = [(text or "").upper().startswith(_READS) for text in particulars.statements.to_list()]
        of_database = np.array([each.kind == "database" for each in services])
        #: By site, whether the statement there returns rows.
        self._returns: Mask = np.array(reads) & of_database[tables.site_service]
        #: The recorded name of each attribute, None if it isn't recorded; empty if no file changes any.
        said = topology.telemetry.traces
        self._called = {name: said.called(name) for name in NAMES} if said.attributes else {}
        threads = [_thread(each) for each in services]
        self._threaded: Mask = np.array([bool(each) for each in threads])
        self._threads = names(threads)
        #: Whether any route has characters that must be escaped in JSON.
        self._quoting = bool(particulars.routes.str.contains(_QUOTING).any())
        #: By service, its part of a URL.
        self._hosts = names(f"http://{each.name}" for each in services)
        self._by_http: Mask = np.array([by_http(each, operation) for each in services for operation in each.operations])

    def __bool__(self) -> bool:
        return bool(self._told.any())

    @cached_property
    def _statements(self) -> pl.Series:
        """The statements of stores by site, escaped for JSON strings."""
        return names(_quoted(each) for each in self._particulars.statements.to_list())

    def of(self, spans: Spans) -> pl.Series:
        """Return a JSON object on one line for each span; null for spans without attributes."""
        tables = self._particulars.tables
        told = self._told[owner(tables, spans)]
        called = tables.site_service[spans.site]
        to_store = self._store[called]
        entry = tables.site_parent[spans.site] < 0
        waited = spans.server & (np.where(spans.worked >= 0, spans.end - spans.worked, spans.end) > spans.start)
        threaded, http = self._threaded[called], self._by_http[tables.site_operation[spans.site]]
        far = ~spans.server & (spans.far >= 0)
        returns = ~spans.server & (spans.code == 0) & self._returns[spans.site]
        # By the keys that they have, so that each group is built in one go.
        of_server = _SERVER + _ENTRY * entry + _HTTP * http + _THREAD * threaded + _WAITED * waited
        of_call = _URL * (http & ~to_store) + _QUERY * to_store + _FAR * far + _ROWS * returns
        kinds = np.where(spans.server & ~to_store, of_server, of_call)
        kinds[~told] = 0
        texts, rows = [pl.lit(names([None]))], [np.zeros(0, dtype=np.int64)]
        for kind in np.flatnonzero(np.bincount(kinds)).tolist():
            some = np.flatnonzero(kinds == kind)
            if kind and (parts := self._parts(kind, spans.view(some))):
                texts.append(_objects(parts))
                rows.append(some)
        found = np.concatenate(rows)
        place = np.zeros(len(spans), dtype=np.uint32)
        place[found] = np.arange(1, len(found) + 1, dtype=np.uint32)
        return evaluated(texts)[pl.Series(place)]

    def _parts(self, kind: int, spans: Spans) -> list[Part]:
        """Return the keys and values of spans with the same groups of attributes (`kind`)."""
        about, tables = self._particulars.about(spans), self._particulars.tables
        parts: list[Part] = []

        def add(name: str, *texts: pl.Series) -> None:
            parts.append((name, ('"', *texts, '"')))

        if kind & _SERVER:
            add("user.id", about["user_id"])
        if kind & _ENTRY:
            add("user.tier", about["user_tier"])
            add("session.id", about["session_id"])
            add("client.address", about["client_address"])
            add("user_agent.original", about["user_agent"])
        if kind & _HTTP:
            add("url.path", self._path(about))
        if kind & _THREAD:
            name = lookup(self._threads, tables.site_service[spans.site])
            add("thread.name", name, about["worker"].cast(pl.String))
        if kind & _WAITED:
            wait = np.where(spans.worked >= 0, spans.end - spans.worked, spans.end) - spans.start
            parts.append(("mesh.queue_wait_us", (pl.Series(wait).cast(pl.String),)))
        if kind & _URL:
            add("url.full", lookup(self._hosts, tables.site_service[spans.site]), self._path(about))
        if kind & _QUERY:
            add("db.query.text", lookup(self._statements, spans.site))
        if kind & _QUERY and kind & _FAR:
            number = about.keyed(self._particulars.site_parameter[spans.site])
            # Keep the last part of a key with colons; only user names from a replayed file can have any.
            add("db.query.parameter.0", number.str.split(":").list.last() if self._particulars.users else number)
        if kind & _ROWS:
            parts.append(("db.response.returned_rows", (about["rows"].cast(pl.String),)))
        if kind & _FAR:
            add("network.peer.address", lookup(tables.pod_addresses, spans.far))
        if not self._called:
            return parts
        return [(called, value) for name, value in parts if (called := self._called[name]) is not None]

    def _path(self, about: About) -> pl.Series:
        """Return the paths of calls by HTTP, as in log lines."""
        path = about["path"]
        return path.str.replace_all(_QUOTING, "") if self._quoting else path


def by_http(service: Service, operation: Operation) -> bool:
    """Whether an operation is called by HTTP, as it says itself, or else by the framework of its service."""
    if operation.route or operation.rpc or service.kind in _STORES:
        return bool(operation.route)
    stack = service.built_with
    return stack is not None and stack.framework not in ("grpc", "tonic", "thrift")


def _thread(service: Service) -> str:
    """Return the name of a worker's thread, without its number; empty if spans don't have it."""
    stack = service.built_with
    found = None if stack is None else instrumentations().get(stack.name)
    return "" if found is None else found.thread.removesuffix("{worker}")


def _quoted(text: str | None) -> str:
    return json.dumps(text or "", ensure_ascii=False)[1:-1]


def _objects(parts: list[Part]) -> pl.Expr:
    """Join keys and values to JSON objects."""
    pieces: list[pl.Series | str] = []
    said = "{"
    for name, value in parts:
        said += f'"{name}":'
        for piece in value:
            if isinstance(piece, str):
                said += piece
            else:
                pieces += [said, piece]
                said = ""
        said += ","
    pieces.append(said.removesuffix(",") + "}")
    texts = [pl.lit(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pl.concat_str(texts)
