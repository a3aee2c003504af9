"""gRPC's retry throttling at run time: failures take tokens, and when half of them are gone nothing is retried.

gRFC A6 (https://github.com/grpc/proposal/blob/master/A6-client-retries.md). In its sense, an attempt fails with an
error that would be retried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.policies.retry_limit import RetryLimit, of_each
from meshquake.sim.policies.spell import Spell
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.policies import RetryTokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext


class Tokens(RetryLimit):
    """The tokens of one caller replica and edge; `on` names the errors that take one."""

    __slots__ = ("_on", "_policy", "left")

    def __init__(self, policy: RetryTokens, on: Iterable[str], refusals: Spell) -> None:
        super().__init__(refusals)
        self._policy = policy
        self._on = frozenset(CODES[name] for name in on)
        self.left = policy.most

    def settle(self, call: Call, now: float) -> None:
        """Take a token for a failure, or give part of one back for a success."""
        if call.result == SUCCESS:
            self.left = min(self._policy.most, self.left + self._policy.ratio)
        elif call.result in self._on:
            self.left = max(0.0, self.left - 1.0)

    def objects(self, call: Call, now: float) -> str:
        if self.left > self._policy.most / 2:
            return ""
        return f"{self.left:g} of {self._policy.most:g} tokens are left"


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The tokens of an edge, for its retries or hedges."""
    retry, hedge = edge.spec.retry, edge.spec.hedge
    if retry is not None:
        tokens, on = retry.tokens, retry.on
    elif hedge is not None:
        tokens, on = hedge.tokens, hedge.non_fatal
    else:
        return None
    if tokens is None:
        return None
    return of_each(edge, context, lambda refusals: Tokens(tokens, on, refusals))
