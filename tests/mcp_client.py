"""The Model Context Protocol's own client, connected to the command `mcp` over each transport."""

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from patience import every

import meshquake

PACKAGE = Path(meshquake.__file__).parent
COMMAND = ["-c", "from meshquake.commands.entry import main; main()", "mcp"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}


@asynccontextmanager
async def over_stdio(*arguments):
    parameters = StdioServerParameters(
        command=sys.executable, args=[*COMMAND, *map(str, arguments)], env=ENVIRONMENT, cwd="/"
    )
    async with Client(stdio_client(parameters)) as client:
        yield client


@asynccontextmanager
async def over_http(*arguments):
    command = [sys.executable, *COMMAND, *map(str, arguments), "--http", "--port", "0"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().removeprefix("serving at ").strip()
            async with Client(address) as client:
                yield client
        finally:
            process.terminate()


TRANSPORTS = pytest.mark.parametrize("connected", [over_stdio, over_http])
#: For tests that don't depend on the transport once a client is connected.
SLOWLY_OVER_HTTP = pytest.mark.parametrize("connected", every([over_stdio, over_http], [over_stdio]))


def drive(connected, arguments, steps):
    """Run steps with a client that is connected to a server; returns their result."""

    async def main():
        async with connected(*arguments) as client:
            return await steps(client)

    return anyio.run(main)


async def text_of(client, tool, arguments):
    result = await client.call_tool(tool, arguments)
    assert len(result.content) == 1
    return result.content[0].text, result.is_error
