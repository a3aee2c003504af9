"""A breaker at run time that stops retries and lets everything else pass (M. Brooker, 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS
from meshquake.sim.policies.retry_limit import RetryLimit, of_each
from meshquake.sim.policies.spell import Spell
from meshquake.sim.policies.window import Window
from meshquake.topology.errors import SUCCESS
from meshquake.topology.policies import RetryBreaker
from meshquake.topology.portion import part

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext


class BreakerOfRetries(RetryLimit):
    """The breaker of one caller replica and edge: counts calls and failed attempts in a sliding window."""

    __slots__ = ("_policy", "_seen")

    def __init__(self, policy: RetryBreaker, refusals: Spell) -> None:
        super().__init__(refusals)
        self._policy = policy
        self._seen = Window(policy.window)

    def admit(self, call: Call, now: float) -> int:
        """Count a call, once for all its attempts."""
        if call.former is None:
            self._seen.add(now, 1, 0)
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """Count an attempt that failed."""
        if call.result != SUCCESS:
            self._seen.add(now, 0, 1)

    def objects(self, call: Call, now: float) -> str:
        calls, failures = self._seen.totals(now)
        if failures <= part(self._policy.failure_rate, calls):
            return ""
        return f"{failures} failures in {calls} calls"


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The breakers of an edge, one for each replica of the caller."""
    breaker = edge.spec.retry.breaker if edge.spec.retry else None
    return None if breaker is None else of_each(edge, context, lambda refusals: BreakerOfRetries(breaker, refusals))
