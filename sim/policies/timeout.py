"""A caller's timeout: attempts expire a fixed time after they were sent.

Deadlines of one length expire in the order in which they were set, so one timer serves all attempts on an edge. A heap
entry for each would double the heap, and nearly all of them would find their call long answered. Here a call costs one
append; once answered, it is dropped together with those before it, or else skipped by the timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.policies.context import Maker, PolicyContext


class Timeout(CallerPolicy):
    """`expire(call)` is called for each call that still waits `length` seconds after it was sent."""

    __slots__ = ("_env", "_expire", "_ring", "armed", "calls", "length")

    def __init__(self, env: Environment, length: float, expire: Callable[[Call], None]) -> None:
        self._env = env
        self.length = length
        self._expire = expire
        #: The calls being watched at the last look, in order of their deadlines.
        self.calls: deque[Call] = deque()
        #: Whether the timer is set.
        self.armed = False
        self._ring = self._on_ring

    def admit(self, call: Call, now: float) -> int:
        """Watch a call that is sent now."""
        calls = self.calls
        # Drop answered calls now, so that their memory is reused while it is still in the CPU's cache.
        while calls and not calls[0].waiting:
            calls.popleft()
        calls.append(call)
        if not self.armed:
            self.armed = True
            self._env.call_at(call.sent + self.length, self._ring)
        return PASS

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


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The timeout of an edge, one for all replicas of the caller."""
    if edge.spec.timeout is None:
        return None
    timeout = Timeout(context.env, edge.spec.timeout, context.engine.timed_out)
    return lambda replica, warm: timeout
