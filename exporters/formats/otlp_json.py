"""OTLP's JSON, as far as it differs from everybody's: attributes are lists, and 64-bit integers are texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str:
    """A value as JSON, on a line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes; a value that is no text, number or truth value becomes its JSON."""
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
