"""A server that runs until a signal ends it, with limits on what it buffers."""

from __future__ import annotations

import signal
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from meshquake.exporters.server.connection import PatientConnection
from meshquake.exporters.unfinished import ENDING

#: Most bytes in a request's first line and headers.
_REQUEST: Final = 16_384
#: Bytes of the send buffer of a socket: with megabytes, a slow reader would seem to read nothing for a long time.
_SENT: Final = 128 * 2**10
#: Seconds that readers have to take their last chunk when the server stops.
_GRACE: Final = 1


class Server(uvicorn.Server):
    """Ends its streams between two records on any signal that ends a command, including SIGHUP, which uvicorn ignores.

    Signals are caught from before the event loop starts until it has ended, and raised again then: an exception in the
    middle of the loop would leave tasks behind, which asyncio reports on standard error.
    """

    @contextmanager
    def hearing(self) -> Generator[None]:
        """Catch signals within a block, and raise them again after it."""
        with super().capture_signals(), ExitStack() as before:
            for number in ENDING:
                handler = signal.getsignal(number)
                if callable(handler) and handler != self.handle_exit:
                    before.callback(signal.signal, number, handler)
                    signal.signal(number, self.handle_exit)
            yield

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Do nothing: `hearing` catches signals already."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises OSError if it can't listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=128)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)  # connections inherit it
    return listening


def server(app: FastAPI, connections: int) -> Server:
    """Return a server of an application that accepts up to `connections` at once."""
    return Server(
        uvicorn.Config(
            app,
            http=PatientConnection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=connections,
            h11_max_incomplete_event_size=_REQUEST,
            timeout_graceful_shutdown=_GRACE,
        )
    )
