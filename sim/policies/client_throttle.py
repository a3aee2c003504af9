"""Client-side throttling at run time: a caller refuses by itself what its callee would refuse anyway.

Site Reliability Engineering (2016), "Handling Overload": of the requests of the last two minutes, a caller knows how
many it was asked for and how many the callee accepted; the more of them are not, the more it refuses at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.draw import draw
from meshquake.sim.policies.window import Window
from meshquake.topology.errors import BY_CODE, CODES, Refusal
from meshquake.topology.policies import ClientThrottle

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_THROTTLED = CODES["client_throttled"]
#: Whether the callee accepted the request, by code: it did the work, with whatever outcome, and said so.
_ACCEPTED: Final = [error is None or (error.answered and error.refusal is Refusal.NOBODY) for error in BY_CODE]


class Throttle(CallerPolicy):
    """The throttling of one caller replica and edge."""

    __slots__ = ("_policy", "_seen")

    def __init__(self, policy: ClientThrottle) -> None:
        self._policy = policy
        #: Requests, and those of them that were accepted.
        self._seen = Window(policy.window)

    def refusing(self, now: float) -> float:
        """The probability with which a request is refused now."""
        requests, accepts = self._seen.totals(now)
        return max(0.0, (requests - self._policy.factor * accepts) / (requests + 1))

    def admit(self, call: Call, now: float) -> int:
        """Refuse the request, or let it go; both count as asked for."""
        probability = self.refusing(now)
        self._seen.add(now, 1, 0)
        return _THROTTLED if probability > 0.0 and draw(call, "client-throttle") < probability else PASS

    def settle(self, call: Call, now: float) -> None:
        """Count what was accepted."""
        if _ACCEPTED[call.result]:
            self._seen.add(now, 0, 1)

    def withdrawn(self, call: Call, now: float) -> None:
        """Nobody will know."""
        self._seen.add(now, -1, 0)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The throttling of an edge, for each replica of the caller."""
    policy = edge.spec.throttle
    return None if policy is None else lambda replica, warm: Throttle(policy)
