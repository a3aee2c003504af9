"""What is wrong with a JSON value, by its JSON Schema: one declaration both checks what is read and ships as a file.

Of JSON Schema (draft 2020-12) this knows the words in `CHECKS`, which are all that the schemas checked with it use, and
takes the first of `examples` to show what would be right. `format` says of what kind a text is; a function for that
kind, if the reader has one, tells whether there is such a thing: a service of this mesh, a moment of this recording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from topology.document import suggestion
from topology.units import shown

Schema = Mapping[str, Any]
#: By `format`: what is wrong with a text of that kind, or nothing.
Formats = Mapping[str, Callable[[str], str]]

#: What each type is called in a message.
_CALLED = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
    "null": "null",
}
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


class Violation(NamedTuple):
    """Something wrong at a place in a value; the path is as in `root_causes[0].service`, and empty for the whole."""

    path: str
    message: str


def violations(schema: Schema, value: Any, formats: Formats, path: str = "") -> Iterator[Violation]:
    """Find everything that is wrong with a value.

    Parameters
    ----------
    schema
        What it should be.
    value
        A JSON value, as `json` reads it.
    formats
        What else to ask of texts, by their `format`.
    path
        Where the value stands.
    """
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    found = _TYPES.get(type(value), "null")
    if found not in types:
        yield Violation(path, f"must be {_called(schema, types)}, not {_shown(value, found)}")
    elif found != "null":
        for word, check in CHECKS.items():
            if word in schema:
                yield from check(schema, value, formats, path)


def _called(schema: Schema, types: list[str]) -> str:
    if "examples" not in schema:
        return " or ".join(_CALLED[name] for name in types if name != "null")
    return f"{_CALLED[types[0]]} such as {json.dumps(schema['examples'][0])}"


def _shown(value: Any, found: str) -> str:
    if found == "string":
        return shown(value)
    return _CALLED[found] if found in ("object", "array") else json.dumps(value)


def _required(schema: Schema, value: Any, formats: Formats, path: str) -> Iterator[Violation]:
    for key in schema["required"]:
        if key not in value:
            yield Violation(path, f"missing key {key!r}")


def _properties(schema: Schema, value: Any, formats: Formats, path: str) -> Iterator[Violation]:
    keys = schema["properties"]
    for key, entry in value.items():
        at = f"{path}.{key}" if path else key
        if key in keys:
            yield from violations(keys[key], entry, formats, at)
        else:
            yield Violation(at, f"unknown key{suggestion(key, list(keys))}")


def _items(schema: Schema, value: Any, formats: Formats, path: str) -> Iterator[Violation]:
    for position, item in enumerate(value):
        yield from violations(schema["items"], item, formats, f"{path}[{position}]")


def _enum(schema: Schema, value: Any, formats: Formats, path: str) -> Iterator[Violation]:
    names = [name for name in schema["enum"] if name is not None]
    if value not in names:
        yield Violation(path, f"can't be {shown(value)}{suggestion(value, names)}")


def _text(schema: Schema, value: Any, formats: Formats, path: str) -> Iterator[Violation]:
    if not re.search(schema["pattern"], value):
        yield Violation(path, f"must be {_called(schema, ['string'])}, not {shown(value)}")
    elif schema.get("format") in formats and (problem := formats[schema["format"]](value)):
        yield Violation(path, problem)


#: How each word of a schema is checked. A text that has a `format` has a `pattern` too.
CHECKS: Mapping[str, Callable[[Schema, Any, Formats, str], Iterator[Violation]]] = {
    "required": _required,
    "properties": _properties,
    "items": _items,
    "enum": _enum,
    "pattern": _text,
}
