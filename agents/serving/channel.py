"""The channel between the serving process and the judge that started it: JSON objects, one per line.

The judge first sends the order to serve. The process replies `ready` (with its address) or `failed`, then sends each
line of audit, and the answer. The judge confirms the answer, with nothing else, before it looks at the truth.
"""

from __future__ import annotations

import json
import select
import socket
from typing import Any

#: Most bytes in a line.
_LONGEST = 2**24


class Channel:
    """One end of the channel. It owns its socket, and closes it."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = end.makefile("rb")

    def say(self, **content: Any) -> None:
        """Send a message; does nothing if the other side is gone."""
        try:
            self._end.sendall(json.dumps(content).encode() + b"\n")
        except OSError:
            return

    def hear(self) -> dict[str, Any] | None:
        """Receive the next message; None if the other side is gone."""
        try:
            line = self._lines.readline(_LONGEST)
        except OSError:
            return None
        if not line.endswith(b"\n"):
            return None
        content: dict[str, Any] = json.loads(line)
        return content

    def await_end(self) -> None:
        """Wait until the other side is gone, without reading its messages."""
        watched = select.poll()
        watched.register(self._end, 0)  # hang-ups are reported without being asked for
        watched.poll()

    def close(self) -> None:
        """Close the channel."""
        self._lines.close()
        self._end.close()
