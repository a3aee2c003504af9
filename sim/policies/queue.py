"""A server's queue, where requests wait for a worker; those that do not fit are shed. A class for each discipline.

Disciplines that shed waiting requests are given `shed`, which answers them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import RequestQueue
from meshquake.topology import policies

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call

Shed = Callable[["Call"], None]


class BoundedQueue(RequestQueue):
    """First come first served; at most `limit` requests wait."""

    __slots__ = ("_calls",)

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._calls: deque[Call] = deque()

    def offer(self, call: Call, now: float) -> bool:
        if len(self._calls) >= self.limit:
            return False
        self._calls.append(call)
        return True

    def take(self, now: float) -> Call | None:
        return self._calls.popleft()

    def discard(self, call: Call) -> None:
        self._calls.remove(call)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def full(self) -> bool:
        return len(self._calls) >= self.limit

    def clear(self) -> None:
        self._calls.clear()


class NewestFirst(BoundedQueue):
    """Last come first served: under overload some requests are served in time, where in order all would be too late."""

    __slots__ = ()

    def take(self, now: float) -> Call | None:
        return self._calls.pop()


class ControlledDelay(BoundedQueue):
    """Requests may wait for `interval`, but only for `target` once the queue has not been empty for an `interval`.

    CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012) as servers have it: Maurer, "Fail at Scale",
    ACM Queue 2015, with its 5 ms and 100 ms, and its adaptive LIFO (`newest_first`): meanwhile the newest goes first. A
    request that has waited too long is shed when another one arrives or a worker is free: waiting costs nothing.
    """

    __slots__ = ("_deadlines", "_emptied", "_policy", "_shed")

    def __init__(self, policy: policies.Queue, shed: Shed) -> None:
        super().__init__(policy.limit)
        self._policy = policy
        self._shed = shed
        #: The deadlines of the waiting requests, and when the queue was last empty.
        self._deadlines: deque[float] = deque()
        self._emptied = 0.0

    def offer(self, call: Call, now: float) -> bool:
        self._expire(now)
        if not super().offer(call, now):
            return False
        if len(self._calls) == 1:
            self._emptied = now
        self._deadlines.append(now + (self._policy.target if self._standing(now) else self._policy.interval))
        return True

    def take(self, now: float) -> Call | None:
        self._expire(now)
        newest = self._policy.newest_first and self._standing(now)
        while self._calls:
            call = self._calls.pop() if newest else self._calls.popleft()
            deadline = self._deadlines.pop() if newest else self._deadlines.popleft()
            if not self._calls:
                self._emptied = now
            if deadline >= now:
                return call
            self._shed(call)
        return None

    def discard(self, call: Call) -> None:
        place = self._calls.index(call)
        del self._calls[place], self._deadlines[place]

    def clear(self) -> None:
        super().clear()
        self._deadlines.clear()

    def _standing(self, now: float) -> bool:
        """Whether the queue has not been empty for an interval."""
        return self._emptied < now - self._policy.interval

    def _expire(self, now: float) -> None:
        """Shed the oldest requests that have waited too long."""
        while self._deadlines and self._deadlines[0] < now:
            self._deadlines.popleft()
            self._shed(self._calls.popleft())
            if not self._calls:
                self._emptied = now


class ByCriticality(RequestQueue):
    """The most critical first, and in order among equals; when full, a request replaces a less critical one.

    The newest of the least critical is shed. Criticality as in "Handling Overload", Site Reliability Engineering
    (2016).
    """

    __slots__ = ("_calls", "_shed", "_waiting")

    def __init__(self, limit: int, shed: Shed) -> None:
        self.limit = limit
        self._shed = shed
        #: Waiting requests, by criticality.
        self._calls: list[deque[Call]] = [deque() for _ in policies.CRITICALITIES]
        self._waiting = 0

    def offer(self, call: Call, now: float) -> bool:
        mine = call.site.criticality
        if self._waiting >= self.limit:
            least = next((place for place in range(len(self._calls) - 1, mine, -1) if self._calls[place]), -1)
            if least < 0:
                return False
            self._waiting -= 1
            self._shed(self._calls[least].pop())
        self._calls[mine].append(call)
        self._waiting += 1
        return True

    def take(self, now: float) -> Call | None:
        self._waiting -= 1
        return next(calls for calls in self._calls if calls).popleft()

    def discard(self, call: Call) -> None:
        self._calls[call.site.criticality].remove(call)
        self._waiting -= 1

    def __len__(self) -> int:
        return self._waiting

    @property
    def full(self) -> bool:
        return self._waiting >= self.limit

    def clear(self) -> None:
        for calls in self._calls:
            calls.clear()
        self._waiting = 0


#: How the queue of each discipline is made, by its name in a topology file.
DISCIPLINES: dict[str, Callable[[policies.Queue, Shed], RequestQueue]] = {
    "fifo": lambda policy, shed: BoundedQueue(policy.limit),
    "lifo": lambda policy, shed: NewestFirst(policy.limit),
    "codel": ControlledDelay,
    "priority": lambda policy, shed: ByCriticality(policy.limit, shed),
}
