"""Columns for tables of spans in other formats: name, type (HTTP, gRPC, database) and status of an operation.

Names are those of OpenTelemetry's spans (`exporters.formats.semconv`) if the topology specifies the protocol of an
operation: `GET /cart/{id}`, `shop.CartService/GetCart`, `SELECT orders`. For other operations only the service and
their own name are known.
"""

from __future__ import annotations

import polars as pl

from meshquake.exporters.columns.operations import callee, operation
from meshquake.exporters.formats.semconv import request, span_name
from meshquake.topology.errors import ERRORS
from meshquake.topology.spec import Operation, Service, Topology

#: The numbers of gRPC status codes (https://grpc.io/docs/guides/status-codes/).
_GRPC = {
    "OK": 0,
    "CANCELLED": 1,
    "UNKNOWN": 2,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "OUT_OF_RANGE": 11,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
    "UNAUTHENTICATED": 16,
}
#: Whether a span is internal: it isn't an operation, though it may have the name of one.
_INSIDE = pl.col("kind") == "internal"


class SpanColumns:
    """Columns of the spans of a mesh."""

    def __init__(self, topology: Topology) -> None:
        told = {
            f"{service.name}.{each.name}": (service, each)
            for service in topology.services
            for each in service.operations
            if request(service, each) or each.rpc or each.statement or each.command or _by_rpc(service, each)
        }
        self._names = {path: span_name(service, each) for path, (service, each) in told.items()}
        #: Names of RPC methods, without their service.
        self._methods = {
            path: each.rpc.rpartition("/")[2] or each.name
            for path, (service, each) in told.items()
            if each.rpc or _by_rpc(service, each)
        }
        self._is_rpc = ~_INSIDE & pl.col("operation").is_in(list(self._methods))
        self._stores = [service.name for service in topology.services if service.kind in ("database", "cache")]

    def name(self, service: pl.Expr | None = None) -> pl.Expr:
        """The name of a span; `SERVICE/OPERATION` if nothing better is known, with the given name of the service."""
        other = pl.concat_str(callee() if service is None else service, pl.lit("/"), operation())
        name = pl.col("operation").replace_strict(self._names, default=other, return_dtype=pl.String)
        return pl.when(_INSIDE).then(operation()).otherwise(name)

    def method(self) -> pl.Expr:
        """The method of an RPC, without its service; otherwise the operation."""
        method = pl.col("operation").replace_strict(self._methods, default=operation(), return_dtype=pl.String)
        return pl.when(_INSIDE).then(operation()).otherwise(method)

    def type(self) -> pl.Expr:
        """`db`, `rpc`, `internal`, or `http` (also if the protocol isn't known)."""
        rpc = pl.when(self._is_rpc).then(pl.lit("rpc")).otherwise(pl.lit("http"))
        inside = pl.when(_INSIDE).then(pl.lit("internal"))
        return inside.when(callee().is_in(self._stores)).then(pl.lit("db")).otherwise(rpc)

    def status(self) -> pl.Expr:
        """The gRPC status code of an RPC, as a number; otherwise the HTTP status code."""
        numbers = {name: _GRPC[error.grpc] for name, error in ERRORS.items()}
        status = pl.col("error_type").replace_strict(numbers, default=0, return_dtype=pl.Int64)
        return pl.when(self._is_rpc).then(status).otherwise("status_code")


def _by_rpc(service: Service, operation: Operation) -> bool:
    """Whether an operation without a protocol of its own is an RPC because its service's stack uses RPC."""
    told = operation.route or operation.statement or operation.command or service.kind in ("database", "cache")
    return service.built_with is not None and not told and not request(service, operation)
