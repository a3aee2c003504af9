"""A retry budget at run time: retries may be a share of recent calls plus some a second (Finagle, Linkerd)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.topology.policies import RetryBudget

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_SLOTS = 10  # the window slides in tenths, as Finagle's windowed token bucket does
#: 29% of a hundred calls are 28.999999999999996 in binary numbers, and shall be 29.
_ROUNDING = 1e-9


class Budget(CallerPolicy):
    """The retry budget of one caller replica and edge."""

    __slots__ = ("_calls", "_current", "_policy", "_retries", "_until", "_width")

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        self._width = policy.window / _SLOTS
        #: What came in each slot of the window; slot n is at position n modulo their number.
        self._calls = [0] * _SLOTS
        self._retries = [0] * _SLOTS
        #: The slot of the latest call or retry, and when it ends.
        self._current = -1
        self._until = 0.0

    def admit(self, call: Call, now: float) -> int:
        """A first attempt earns a share of a retry."""
        if call.attempt == 1:
            self.deposit(now)
        return PASS

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether the budget has room for one more."""
        return self.affords(now)

    def retried(self, call: Call, now: float) -> None:
        """Count a retry."""
        self.spend(now)

    def deposit(self, now: float) -> None:
        """A call is made: the budget grows by its ratio."""
        if now >= self._until:
            self._advance(now)
        self._calls[self._current % _SLOTS] += 1

    def affords(self, now: float) -> bool:
        """Whether what recent calls have earned, less recent retries, is enough for another retry."""
        if now >= self._until:
            self._advance(now)
        policy = self._policy
        earned = policy.ratio * sum(self._calls) + policy.minimum * policy.window
        return earned - sum(self._retries) >= 1 - _ROUNDING

    def spend(self, now: float) -> None:
        """A retry is made."""
        if now >= self._until:
            self._advance(now)
        self._retries[self._current % _SLOTS] += 1

    def _advance(self, now: float) -> None:
        """Begin the slot of `now`, and forget those that have left the window."""
        slot = int(now // self._width)
        for passed in range(max(self._current + 1, slot - _SLOTS + 1), slot + 1):
            self._calls[passed % _SLOTS] = self._retries[passed % _SLOTS] = 0
        self._current = slot
        self._until = (slot + 1) * self._width


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The retry budgets of an edge, one for each replica of the caller."""
    budget = edge.spec.retry.budget if edge.spec.retry else None
    return None if budget is None else lambda replica, warm: Budget(budget)
