"""A server's queue: requests wait for a worker, and one more than fit is shed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import RequestQueue

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call


class BoundedQueue(RequestQueue):
    """First come first served; at most `limit` wait."""

    __slots__ = ("_calls",)

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._calls: deque[Call] = deque()

    def offer(self, call: Call, now: float) -> bool:
        if len(self._calls) >= self.limit:
            return False
        self._calls.append(call)
        return True

    def take(self, now: float) -> Call:
        return self._calls.popleft()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def full(self) -> bool:
        return len(self._calls) >= self.limit

    def clear(self) -> None:
        self._calls.clear()
