"""OTLP requests as protobuf, converted from their JSON through the official classes (the extra `otlp`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meshquake.exporters.formats.otlp import Request

_MESSAGES: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
#: Types of integers that are strings in JSON.
_LONG = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
)


def encode(request: Request) -> bytes:
    """Encode the body of a request, to be sent as `application/x-protobuf`."""
    encoded: bytes = message(request.signal, request.body).SerializeToString()
    return encoded


def message(signal: str, body: bytes) -> Message:
    """Convert a line of a signal's file to a protobuf request.

    Raises
    ------
    KeyError
        If the protocol doesn't have a key.
    """
    kind = _MESSAGES[signal]
    return kind(**_arguments(kind.DESCRIPTOR, json.loads(body)))


def _arguments(descriptor: Descriptor, content: dict[str, Any]) -> dict[str, Any]:
    """Convert the JSON of a message to the keyword arguments of its class."""
    fields = _fields(descriptor)
    arguments = {}
    for key, value in content.items():
        name, convert = fields[key]
        arguments[name] = value if convert is None else convert(value)
    return arguments


_Convert = Callable[[Any], Any]


@cache
def _fields(descriptor: Descriptor) -> dict[str, tuple[str, _Convert | None]]:
    """Return the name of each field, and a converter of its JSON value if it needs one; by JSON name."""
    return {field.json_name: (field.name, _converter(field)) for field in descriptor.fields}


def _converter(field: FieldDescriptor) -> _Convert | None:
    one: _Convert
    if field.message_type is not None:
        one = partial(_arguments, field.message_type)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        one = bytes.fromhex  # ids, the only fields that OTLP encodes differently from protobuf's JSON
    elif field.type in _LONG:
        one = int
    else:
        return None
    return (lambda values: [*map(one, values)]) if field.is_repeated else one
