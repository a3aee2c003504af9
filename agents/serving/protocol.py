"""Tools and calls in the words of the Model Context Protocol (https://modelcontextprotocol.io/specification)."""

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

#: What a client is told when it begins: what is to be done, and then how times and answers are.
INSTRUCTIONS = (
    "You are on call for a mesh of services. Begin with get_brief. {} Times may be written as +90s (since the "
    "recording began), -30s (before now) or in ISO 8601. Answers are cut to a page; `cut` says how to ask for the rest."
)


def server(desk: Desk) -> Server[Any]:
    """A server of the tools of a desk.

    Arguments are checked by the desk and not by the library, so that what is wrong with them is told by it, and is in
    its audit.
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
    """The tools as clients are told of them."""
    return [
        Tool(
            name=tool.name,
            description=tool.doc,
            input_schema=tool.schema,
            annotations=ToolAnnotations(read_only_hint=not tool.acts, open_world_hint=False),
        )
        for tool in desk.tools.values()
    ]
