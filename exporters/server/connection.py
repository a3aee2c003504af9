"""Server connections that time out when the client is idle.

Connections are limited, and any client takes one. So a request must be complete soon after the connection is made, or
after the previous response. A response must be read, if slowly. And when all connections are taken, the one that has
waited longest for a request gives way to a new one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for a complete request to arrive, and seconds within which a reader must take some of what was sent.
REQUEST, TAKING = 10.0, 60.0
#: Seconds between checks.
_LOOK = 1.0


class PatientConnection(H11Protocol):
    """A connection that is aborted when its client is idle for too long."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._moved = self.loop.time()
        self._pending = 0
        self._next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request, and close the connection that has waited longest if there are too many."""
        super().connection_made(transport)
        self._moved = self.loop.time()
        self._make_room()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop checking."""
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        self._moved = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Resume writing, now that the reader has drained the buffer."""
        self._moved = self.loop.time()
        super().resume_writing()

    @property
    def _waits(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete

    def _look(self) -> None:
        """Abort the connection if the client has neither sent a request nor read its response for too long."""
        now, pending = self.loop.time(), self.transport.get_write_buffer_size()
        if pending < self._pending or not (pending or self._waits):
            self._moved = now
        self._pending = pending
        if now - self._moved > (TAKING if pending else REQUEST):
            self.transport.abort()
        else:
            self._next_look = self.loop.call_later(_LOOK, self._look)

    def _make_room(self) -> None:
        """Abort the connections that have waited longest for a request, as many as exceed uvicorn's limit."""
        excess = len(self.connections) - (self.limit_concurrency or len(self.connections)) + 1
        if excess > 0:
            waiting = [each for each in self.connections if isinstance(each, PatientConnection) and each._waits]
            for each in sorted(waiting, key=lambda each: each._moved)[:excess]:
                if each is not self:
                    self.connections.discard(each)
                    each.transport.abort()
