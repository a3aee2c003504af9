"""The transports to clients: standard input and output, or HTTP on the loopback interface."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import anyio
import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

HOST: Final = "127.0.0.1"
#: Most bytes in a request.
_LARGEST: Final = 2**21


def over_stdio(server: Server[Any]) -> None:
    """Serve the client at standard input and output, until it closes them."""

    async def serve() -> None:
        async with stdio_server() as (asked, answered):
            await server.run(asked, answered, server.create_initialization_options())

    anyio.run(serve)


def over_http(server: Server[Any], listening: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Serve clients over HTTP until a signal ends the process.

    Parameters
    ----------
    server
        The server.
    listening
        A listening socket on the loopback interface.
    on_ready
        Called with the server's address.
    """
    application = server.streamable_http_app(host=HOST, json_response=True, max_request_body_size=_LARGEST)
    running = uvicorn.Server(
        uvicorn.Config(
            application,
            ws="none",
            loop="asyncio",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    on_ready(f"http://{HOST}:{listening.getsockname()[1]}/mcp")
    running.run(sockets=[listening])


def quiet() -> None:
    """Keep libraries from writing to standard error, which clients show to people."""
    logging.disable(logging.CRITICAL)
