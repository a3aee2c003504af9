"""A connection to the server that isn't kept for who keeps silent.

Connections are few, and whoever connects takes one. So a request has to be whole soon after the connection is made, or
after the answer before it; an answer has to be taken, be it slowly; and when all connections are taken, the one that
has waited longest for a request gives way to a new one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for a whole request to come, and in which a reader has to take something of what it was sent.
REQUEST, TAKING = 10.0, 60.0
#: Seconds between looks.
_LOOK = 1.0


class PatientConnection(H11Protocol):
    """A connection whose patience has an end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._moved = self.loop.time()
        self._pending = 0
        self._next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, in the place of who has waited longest if there is no other."""
        super().connection_made(transport)
        self._moved = self.loop.time()
        self._make_room()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._moved = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Go on writing, as a reader has taken much."""
        self._moved = self.loop.time()
        super().resume_writing()

    @property
    def _waits(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _look(self) -> None:
        """Hang up on who has neither asked for something nor taken something for too long."""
        now, pending = self.loop.time(), self.transport.get_write_buffer_size()
        if pending < self._pending or not (pending or self._waits):
            self._moved = now
        self._pending = pending
        if now - self._moved > (TAKING if pending else REQUEST):
            self.transport.abort()
        else:
            self._next_look = self.loop.call_later(_LOOK, self._look)

    def _make_room(self) -> None:
        """Hang up on those who have waited longest for a request, as many as are too many for uvicorn's limit."""
        excess = len(self.connections) - (self.limit_concurrency or len(self.connections)) + 1
        if excess > 0:
            waiting = [each for each in self.connections if isinstance(each, PatientConnection) and each._waits]
            for each in sorted(waiting, key=lambda each: each._moved)[:excess]:
                if each is not self:
                    self.connections.discard(each)
                    each.transport.abort()
