"""What the serving process says to the judge that started it, and hears: JSON objects, one a line.

The judge says once what to serve. The process says `ready` (and where) or what has `failed`, then each line of audit
and the answer. To that the judge says that it has it: nothing else, and at once, before it looks at the truth.
"""

from __future__ import annotations

import json
import select
import socket
from typing import Any

#: Bytes of the longest line.
_LONGEST = 2**24


class Channel:
    """One end of the channel, given its socket, which it closes with itself."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = end.makefile("rb")

    def say(self, **content: Any) -> None:
        """Say something; nothing happens if nobody is there any more."""
        try:
            self._end.sendall(json.dumps(content).encode() + b"\n")
        except OSError:
            return

    def hear(self) -> dict[str, Any] | None:
        """What the other side says next; None if it is gone."""
        try:
            line = self._lines.readline(_LONGEST)
        except OSError:
            return None
        if not line.endswith(b"\n"):
            return None
        content: dict[str, Any] = json.loads(line)
        return content

    def await_end(self) -> None:
        """Wait until the other side is gone, without a look at what it says."""
        watched = select.poll()
        watched.register(self._end, 0)  # of its end one is told unasked
        watched.poll()

    def close(self) -> None:
        """End it."""
        self._lines.close()
        self._end.close()
