"""A token bucket for retries at run time: successful calls pay for the retries of failed ones.

The AWS SDKs' standard mode has one (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), and
so does M. Brooker's post on retries (https://brooker.co.za/blog/2022/02/28/retries.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS
from meshquake.sim.policies.retry_limit import RetryLimit, of_each
from meshquake.sim.policies.spell import Spell
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.policies import RetryBucket

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_TIMEOUT = CODES["timeout"]
#: Ten deposits of a tenth add up to 0.9999999999999999 in floating point, and must count as 1.
_ROUNDING = 1e-9


class Bucket(RetryLimit):
    """The bucket of one caller replica and edge."""

    __slots__ = ("_policy", "saved")

    def __init__(self, policy: RetryBucket, refusals: Spell) -> None:
        super().__init__(refusals)
        self._policy = policy
        self.saved = policy.capacity

    def admit(self, call: Call, now: float) -> int:
        """Deposit tokens for a new call, if every call does."""
        if call.former is None and self._policy.deposit_by == "calls":
            self._give(self._policy.deposit)
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """Deposit tokens for a success: its own, or those that its retry took."""
        if call.result != SUCCESS:
            return
        if call.former is not None:
            if self._policy.refund:
                self._give(self._cost(call.former))
        elif self._policy.deposit_by == "successes":
            self._give(self._policy.deposit)

    def objects(self, call: Call, now: float) -> str:
        cost = self._cost(call)
        return (
            "" if self.saved >= cost - _ROUNDING else f"{self.saved:.3g} tokens are saved, and a retry takes {cost:g}"
        )

    def retried(self, call: Call, now: float) -> None:
        """Take the tokens of a retry."""
        self.saved = max(0.0, self.saved - self._cost(call))

    def _cost(self, failed: Call) -> float:
        """Return what the attempt after a failed one costs."""
        return self._policy.timeout_cost if failed.result == _TIMEOUT else self._policy.cost

    def _give(self, tokens: float) -> None:
        self.saved = min(self._policy.capacity, self.saved + tokens)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The buckets of an edge, one for each replica of the caller."""
    bucket = edge.spec.retry.bucket if edge.spec.retry else None
    return None if bucket is None else of_each(edge, context, lambda refusals: Bucket(bucket, refusals))
