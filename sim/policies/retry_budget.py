"""A retry budget at run time: retries may be a share of recent calls, plus some per second (Finagle, Linkerd)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.window import Window
from meshquake.topology.policies import RetryBudget

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

#: 29% of a hundred calls is 28.999999999999996 in floating point, and must count as 29.
_ROUNDING = 1e-9


class Budget(CallerPolicy):
    """The retry budget of one caller replica and edge."""

    __slots__ = ("_policy", "_seen")

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        #: Calls, and retries.
        self._seen = Window(policy.window)

    def admit(self, call: Call, now: float) -> int:
        """Count a first attempt, which earns a share of a retry."""
        if call.former is None:
            seen = self._seen  # `Window.add`, inlined: it runs for every call
            if now >= seen.until:
                seen.advance(now)
            seen.first[seen.place] += 1
        return PASS

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether recent calls have earned another retry beyond those already made."""
        policy = self._policy
        calls, retries = self._seen.totals(now)
        earned = policy.ratio * calls + policy.minimum * policy.window
        return earned - retries >= 1 - _ROUNDING

    def retried(self, call: Call, now: float) -> None:
        """Count a retry."""
        self._seen.add(now, 0, 1)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The retry budgets of an edge, one for each replica of the caller."""
    attempts = edge.spec.retry or edge.spec.hedge
    budget = attempts.budget if attempts else None
    return None if budget is None else lambda replica, warm: Budget(budget)
