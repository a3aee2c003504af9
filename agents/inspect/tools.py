"""The tools of a desk for Inspect, with the same names, words, limits and answers as everywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from inspect_ai.tool import ToolDef, ToolError, ToolParams

from meshquake.agents.desk import Desk
from meshquake.topology.json_schema import Schema

#: The keywords of JSON Schema that Inspect supports; the desk checks the others.
_WORDS = ("type", "description", "enum", "items", "properties", "required", "additionalProperties", "default", "format")


def tools(desk: Desk) -> list[ToolDef]:
    """Return the tools of a desk. Its answers are bounded, so Inspect cuts nothing."""
    return [
        ToolDef(
            _asking(desk, tool.name),
            name=tool.name,
            description=tool.doc,
            parameters=ToolParams.model_validate(plain(tool.schema)),
            max_output=0,
        )
        for tool in desk.tools.values()
    ]


def _asking(desk: Desk, name: str) -> Callable[..., Awaitable[str]]:
    async def ask(**arguments: Any) -> str:
        page, wrong = desk.ask(name, {key: value for key, value in arguments.items() if value is not None})
        if wrong is not None:
            raise ToolError(page.text)
        return page.text

    return ask


def plain(schema: Schema) -> dict[str, Any]:
    """Reduce a schema to the keywords that Inspect supports; a nullable value becomes an optional one."""
    found = {word: schema[word] for word in _WORDS if word in schema}
    if isinstance(found.get("type"), list):
        found["type"] = next(name for name in found["type"] if name != "null")
    if "enum" in found:
        found["enum"] = [each for each in found["enum"] if each is not None]
    if "items" in found:
        found["items"] = plain(found["items"])
    if "properties" in found:
        properties: Mapping[str, Schema] = found["properties"]
        found["properties"] = {name: plain(each) for name, each in properties.items()}
    return found
