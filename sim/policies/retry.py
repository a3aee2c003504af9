"""Retries: another attempt after a failure that a retry may cure, each after a random pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy
from meshquake.sim.engine.tape import PAUSE
from meshquake.topology import policies
from meshquake.topology.errors import CODES

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_LIMITED = CODES["rate_limited"]


class Retry(CallerPolicy):
    """Envoy's fully jittered exponential backoff, as `topology.policies.Retry` describes it; it has no state."""

    __slots__ = ("_on", "_policy")

    def __init__(self, policy: policies.Retry) -> None:
        self._policy = policy
        self._on = frozenset(CODES[name] for name in policy.on)

    def pause(self, call: Call, now: float) -> float:
        """Return the pause after this failed attempt, uniform up to its bound; negative if it was the last one."""
        policy = self._policy
        attempt = call.attempt
        if attempt >= policy.max_attempts or call.result not in self._on:
            return -1.0
        if call.result == _LIMITED and policy.retry_after is not None:
            asked: float = getattr(call, "retry_after", 0.0)
            if 0.0 < asked <= policy.retry_after:
                return asked * (1.0 + 0.5 * call.draws[PAUSE])
        bound: float = min(policy.base * (2**attempt - 1), policy.maximum)
        return bound * call.draws[PAUSE]


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The retries of an edge, the same for all replicas of the caller."""
    if edge.spec.retry is None:
        return None
    retry = Retry(edge.spec.retry)
    return lambda replica, warm: retry
