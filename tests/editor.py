"""A file as an editor parses it: YAML 1.2's core schema, in which `16` is a number and `50%` a string."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml
from jsonschema import Draft202012Validator


class Core(yaml.SafeLoader):
    """Loads YAML by its core schema; keys are strings whatever they look like, and must be unique."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [name.value for name, _ in node.value]
        if not all(isinstance(name, str) for name in names) or len({*names}) < len(names):
            raise yaml.constructor.ConstructorError(None, None, "no key, or one twice", node.start_mark)
        return {name.value: self.construct_object(value, deep=True) for name, value in node.value}


def whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Parse an integer: decimal even with a leading zero."""
    return int(node.value, 0 if node.value[:2] in ("0x", "0o") else 10)


def real(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    """Parse any other number."""
    return float(re.sub(r"\.(inf|nan)", r"\1", node.value.lower()))


NUMBER = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
for tag, pattern in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": rf"{NUMBER}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)
Core.add_constructor("tag:yaml.org,2002:int", whole)
Core.add_constructor("tag:yaml.org,2002:float", real)


def value(text: str) -> Any:
    """Return the value that an editor sees in a text."""
    return yaml.load(text, Core)


def complaints(schema: dict[str, Any], text: str) -> list[str]:
    """Return an editor's complaints about a text: where, and what is wrong."""
    try:
        found = Draft202012Validator(schema).iter_errors(value(text))
    except yaml.YAMLError as error:
        return [f"is not YAML: {error}"]
    return [f"{error.json_path}: {error.message}" for error in found]
