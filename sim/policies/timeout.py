"""Deadlines of one length expire in the order in which they were set: one armed timer serves them all.

A heap entry for each call's timeout would double the heap, and nearly all of them would find their call long
answered. Here a call costs an append; once answered it leaves with those before it, or else the timer passes over it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.environment import Environment


class Deadlines:
    """Deadlines `length` seconds after a call is sent; `expire(call)` is called if it's still waiting then."""

    __slots__ = ("_env", "_expire", "_ring", "armed", "calls", "length")

    def __init__(self, env: Environment, length: float, expire: Callable[[Call], None]) -> None:
        self._env = env
        self.length = length
        self._expire = expire
        #: Those that were being watched when last looked at, in order of their deadlines.
        self.calls: deque[Call] = deque()
        #: Whether the timer is set.
        self.armed = False
        self._ring = self._on_ring

    def watch(self, call: Call) -> None:
        """Set the deadline of a call that is sent now."""
        self.calls.append(call)
        if not self.armed:
            self.arm(call)

    def arm(self, call: Call) -> None:
        """Set the timer to the deadline of a call, the first that is watched."""
        self.armed = True
        self._env.call_at(call.sent + self.length, self._ring)

    def _on_ring(self, _: None) -> None:
        calls = self.calls
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
        self.armed = False
