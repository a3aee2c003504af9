"""Deadlines of one length expire in the order in which they were set: one armed timer serves them all.

A heap entry for each call's timeout would double the heap, and nearly all of them would find their call long
answered. Here a call costs an append, and the timer passes over whatever has been answered meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.call import Call
    from sim.environment import Environment


class Deadlines:
    """Deadlines `length` seconds after a call is sent; `expire(call)` is called if it's still waiting then."""

    __slots__ = ("_armed", "_calls", "_env", "_expire", "_ring", "length")

    def __init__(self, env: Environment, length: float, expire: Callable[[Call], None]) -> None:
        self._env = env
        self.length = length
        self._expire = expire
        self._calls: deque[Call] = deque()
        self._armed = False
        self._ring = self._on_ring

    def watch(self, call: Call) -> None:
        """Set the deadline of a call that is sent now."""
        self._calls.append(call)
        if not self._armed:
            self._armed = True
            self._env.call_at(call.sent + self.length, self._ring)

    def _on_ring(self, _: None) -> None:
        calls = self._calls
        now = self._env._now
        while calls:
            call = calls[0]
            if call.waiting:
                due = call.sent + self.length
                if due > now:
                    self._env.call_at(due, self._ring)
                    return
                calls.popleft()
                self._expire(call)
            else:
                calls.popleft()
        self._armed = False
