"""A server that runs until a signal ends it: its limits, and its end."""

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

#: Bytes of a request's first line and headers at most.
_REQUEST: Final = 16_384
#: Bytes that the system keeps of what a reader hasn't taken: with megabytes, a slow one would seem to take nothing.
_SENT: Final = 128 * 2**10
#: Seconds that readers have to take their last chunk when the server stops.
_GRACE: Final = 1


class Server(uvicorn.Server):
    """Ends its streams between two records at any signal that ends a command; SIGHUP is one more than uvicorn knows.

    They are heard from before there is an event loop until it's over, and raised again then: an exception in the middle
    of a loop leaves tasks behind, and asyncio says so on standard error.
    """

    @contextmanager
    def hearing(self) -> Generator[None]:
        """Hear of signals in a block; behind it they are raised again."""
        with super().capture_signals(), ExitStack() as before:
            for number in ENDING:
                handler = signal.getsignal(number)
                if callable(handler) and handler != self.handle_exit:
                    before.callback(signal.signal, number, handler)
                    signal.signal(number, self.handle_exit)
            yield

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Nothing more: they are heard already."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; OSError if it can't."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=128)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)  # so do its connections
    return listening


def server(app: FastAPI, connections: int) -> Server:
    """A server of an application that takes so many connections at once."""
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
