"""JSON Schemas (draft 2020-12), built from small parts.

Every schema of the project is made with these functions. A part without a `doc` has no description; `more` holds
further JSON Schema keywords.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_NOTHING: Mapping[str, Schema] = MappingProxyType({})


def document(title: str, schema: Schema) -> Schema:
    """A complete schema, with a title."""
    return {"$schema": DRAFT, "title": title} | schema


def written(schema: Schema) -> str:
    """Return a schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def text(doc: str = "", **more: Any) -> Schema:
    """A string."""
    return _typed("string", doc, more)


def number(doc: str = "", **more: Any) -> Schema:
    """A number."""
    return _typed("number", doc, more)


def count(doc: str = "", **more: Any) -> Schema:
    """A whole number that is not negative, or not less than `minimum`."""
    return _typed("integer", doc, {"minimum": 0} | more)


def flag(doc: str = "") -> Schema:
    """True or false."""
    return _typed("boolean", doc, {})


def array(doc: str, items: Schema, **more: Any) -> Schema:
    """A list whose items match a schema."""
    return _typed("array", doc, {"items": items} | more)


def choice(doc: str, choices: Iterable[Any]) -> Schema:
    """One of the given values."""
    return _described(doc) | {"enum": list(choices)}


def either(doc: str, *schemas: Schema) -> Schema:
    """A value that matches at least one of the schemas."""
    return _described(doc) | (schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)})


def block(doc: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] = _NOTHING, **more: Any) -> Schema:
    """An object with only these keys; those in `required` must be there."""
    keys = {"additionalProperties": False, "required": list(required), "properties": {**required, **optional}}
    return _typed("object", doc, keys | more)


def mapping(doc: str, names: Schema, values: Schema, **more: Any) -> Schema:
    """An object whose keys match `names` and whose values all match `values`."""
    return _typed("object", doc, {"propertyNames": names, "additionalProperties": values} | more)


def ref(name: str) -> Schema:
    """A reference to an entry in the `$defs` of the whole schema."""
    return {"$ref": f"#/$defs/{name}"}


def nullable(schema: Schema) -> Schema:
    """The same schema, or null; the schema must have a single type."""
    either = schema | {"type": [schema["type"], "null"]}
    return either | {"enum": [*schema["enum"], None]} if "enum" in schema else either


def _typed(kind: str, doc: str, more: Mapping[str, Any]) -> Schema:
    return {**_described(doc), "type": kind, **more}


def _described(doc: str) -> Schema:
    return {"description": doc} if doc else {}
