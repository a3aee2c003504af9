"""A rate limit at run time: the token bucket of one replica (Envoy's local rate limit)."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, ServerPolicy
from meshquake.topology import policies
from meshquake.topology.errors import CODES

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import PolicyContext

_LIMITED = CODES["rate_limited"]


class RateLimit(ServerPolicy):
    """Answers 429 to requests that find no token. The bucket starts full, and is refilled in steps."""

    __slots__ = ("_filled", "_policy", "_tokens")

    def __init__(self, policy: policies.RateLimit, now: float) -> None:
        self._policy = policy
        self._tokens = policy.max_tokens
        #: When the bucket was filled last.
        self._filled = now

    def admit(self, call: Call, replica: Replica, now: float) -> int:
        """Take a token, or refuse the request and say when the next one comes (`Retry-After` in seconds, RFC 9110)."""
        policy = self._policy
        steps = int((now - self._filled) / policy.fill_interval)
        if steps:
            self._filled += steps * policy.fill_interval
            self._tokens = min(policy.max_tokens, self._tokens + steps * policy.tokens_per_fill)
        if self._tokens:
            self._tokens -= 1
            return PASS
        if policy.retry_after:
            call.retry_after = float(max(1, ceil(self._filled + policy.fill_interval - now)))
        return _LIMITED


def of(service: Service, context: PolicyContext) -> Callable[[Replica], ServerPolicy] | None:
    """The rate limit of a service, one for each replica."""
    policy = service.spec.rate_limit
    return None if policy is None else lambda replica: RateLimit(policy, context.env._now)
