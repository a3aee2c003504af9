"""The OpenAPI document (version 3.1.0, https://spec.openapis.org/oas/v3.1.0) of what is served."""

from __future__ import annotations

from typing import Any

from meshquake.exporters.server.query import MOST, USUAL
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.version import VERSION

_MOMENT = "Seconds since the recording began, ISO 8601 (UTC if it has no zone; write + as %2B), or `now`."
_PARAMETERS: dict[str, dict[str, Any]] = {
    "from": {"schema": {"type": "string"}, "description": f"First moment. {_MOMENT} Default: the beginning."},
    "to": {"schema": {"type": "string"}, "description": f"Moment before which records end. {_MOMENT}"},
    "cursor": {
        "schema": {"type": "string"},
        "description": "Where to go on: `next` of a page, or the id of an event. In place of `from`.",
    },
    "service": {"schema": {"type": "string"}, "description": "Only records of this service."},
    "trace_id": {"schema": {"type": "string"}, "description": "Only spans and log lines of this trace."},
    "signal": {
        "schema": {"type": "array", "items": {"enum": [*RECORD_KINDS]}},
        "style": "form",
        "explode": False,
        "description": "Only records of these kinds, with commas between them.",
    },
    "limit": {
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        "description": "The most records in a page.",
    },
}


def document() -> dict[str, Any]:
    """The document, as a JSON object."""
    schemas = {name: _of_record(kind.json_schema()) for name, kind in RECORD_KINDS.items()}
    either = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in RECORD_KINDS]}
    schemas["any"] = {
        "type": "object",
        "required": ["signal", "record"],
        "properties": {"signal": {"enum": [*RECORD_KINDS]}, "record": either},
    }
    schemas["page"] = {
        "type": "object",
        "required": ["records", "next"],
        "properties": {
            "records": {"type": "array", "items": {"$ref": "#/components/schemas/any"}},
            "next": {"type": ["string", "null"], "description": "Cursor of the next page; null after the last one."},
        },
    }
    schemas["error"] = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    schemas["health"] = {
        "type": "object",
        "required": ["status", "scenario", "start", "now", "readers"],
        "properties": {
            "status": {"const": "ok"},
            "scenario": {"type": "string"},
            "start": {"type": "string", "description": "The first moment of the recording."},
            "now": {"type": "string", "description": "The simulated now."},
            "readers": {"type": "integer", "description": "How many streams are open."},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "meshquake",
            "version": VERSION,
            "description": "A recorded incident in a service mesh, served as if it happened now.",
        },
        "paths": {
            "/healthz": _get("Whether it plays, and how far it is", _json("health")),
            "/metrics": _get("The simulated now for Prometheus", {"text/plain": {"schema": {"type": "string"}}}),
            "/openapi.json": _get("This document", {"application/json": {"schema": {"type": "object"}}}),
            "/v1/records": _get("What has happened until now, page by page", _json("page"), [*_PARAMETERS]),
            "/v1/stream/{signal}": _stream(),
        },
        "components": {"schemas": schemas},
    }


def _of_record(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$schema"}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _get(summary: str, content: dict[str, Any], parameters: list[str] | None = None) -> dict[str, Any]:
    names = parameters or []
    return {
        "get": {
            "summary": summary,
            "parameters": [{"name": name, "in": "query", **_PARAMETERS[name]} for name in names],
            "responses": {
                "200": {"description": "As asked.", "content": content},
                "400": {"description": "What is asked for can't be.", "content": _json("error")},
                "503": {"description": "Too many connections."},
            },
        }
    }


def _stream() -> dict[str, Any]:
    lines = {"schema": {"type": "string"}, "description": "A record a line; of `all`, a record with its signal."}
    events = {"schema": {"type": "string"}, "description": "Type: the signal. Data: a record. Id: a cursor."}
    content = {"application/x-ndjson": lines, "text/event-stream": events}
    path = _get("Records when they are due, in order of time", content, ["from", "cursor", "service", "trace_id"])
    signal = {"name": "signal", "in": "path", "required": True, "schema": {"enum": [*RECORD_KINDS, "all"]}}
    path["get"]["parameters"].insert(0, signal)
    path["get"]["responses"]["204"] = {"description": "To an event source that has all: there is no more."}
    path["get"]["responses"]["404"] = {"description": "No such signal.", "content": _json("error")}
    return path
