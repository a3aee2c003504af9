"""OTLP's JSON encoding, where it differs from plain JSON: attributes are lists, and 64-bit integers are strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str:
    """Encode a value as compact JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Encode attributes; values other than strings, numbers and booleans become JSON strings."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case _:
            return {"stringValue": text(value)}
