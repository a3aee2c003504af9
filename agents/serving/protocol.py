"""Tools and calls in terms of the Model Context Protocol (https://modelcontextprotocol.io/specification)."""

from __future__ import annotations

from typing import Any

from mcp.server import Server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from meshquake.agents.desk import Desk
from meshquake.sim.version import VERSION

#: The instructions for a client: the task, then the conventions for times and answers.
INSTRUCTIONS = (
    "You are on call for a mesh of services. Begin with get_brief. {} Times may be written as +90s (since the "
    "recording began), -30s (before now) or in ISO 8601. Answers are cut to a page; `cut` says how to ask for the rest."
)


def server(desk: Desk) -> Server[Any]:
    """Build a server for the tools of a desk.

    The desk checks arguments, not the library, so that errors are in its words and in its audit.
    """

    async def list_tools(context: object, asked: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[*_told(desk)])

    async def call_tool(context: object, asked: CallToolRequestParams) -> CallToolResult:
        page, wrong = desk.ask(asked.name, {} if asked.arguments is None else asked.arguments)
        return CallToolResult(content=[TextContent(type="text", text=page.text)], is_error=wrong is not None)

    return Server(
        "meshquake",
        version=VERSION,
        instructions=INSTRUCTIONS.format(desk.task),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _told(desk: Desk) -> list[Tool]:
    """Describe the tools to clients."""
    return [
        Tool(
            name=tool.name,
            description=tool.doc,
            input_schema=tool.schema,
            annotations=ToolAnnotations(read_only_hint=not tool.acts, open_world_hint=False),
        )
        for tool in desk.tools.values()
    ]
