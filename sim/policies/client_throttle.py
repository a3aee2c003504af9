"""Client-side throttling at run time: a caller itself refuses what its callee would refuse anyway.

Site Reliability Engineering (2016), "Handling Overload": a caller counts its requests of the last two minutes and those
that the callee accepted; the more were not accepted, the more it refuses at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.sim.policies.draw import draw
from meshquake.sim.policies.spell import Spell, spell_of
from meshquake.sim.policies.window import Window
from meshquake.topology.errors import BY_CODE, CODES, Refusal
from meshquake.topology.policies import ClientThrottle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_THROTTLED = CODES["client_throttled"]
#: Whether the callee accepted the request, by code: it did the work, with any outcome, and answered. Refusals by other
#: policies of the caller say nothing about the callee; they count as accepted and so make no difference.
_ACCEPTED: Final = [
    error is None
    or (error.answered and error.refusal is Refusal.NOBODY)
    or (error.refusal is Refusal.CALLER and error.name != "client_throttled")
    for error in BY_CODE
]


class Throttle(CallerPolicy):
    """The throttling of one caller replica and edge; `refusals` reports a spell of refused requests as one."""

    __slots__ = ("_policy", "_refusals", "_seen")

    def __init__(self, policy: ClientThrottle, refusals: Spell) -> None:
        self._policy = policy
        self._refusals = refusals
        #: Requests, and how many of them were accepted.
        self._seen = Window(policy.window)

    def refusing(self, now: float) -> float:
        """Return the probability with which a request is refused now."""
        requests, accepts = self._seen.totals(now)
        return max(0.0, (requests - self._policy.factor * accepts) / (requests + 1))

    def admit(self, call: Call, now: float) -> int:
        """Refuse the request, or let it pass."""
        probability = self.refusing(now)
        if probability > 0.0 and draw(call, "client-throttle") < probability:
            requests, accepts = self._seen.totals(now)
            self._refusals.strike(f"{accepts} of {requests} requests accepted")
            return _THROTTLED
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """Count the request, and whether it was accepted.

        The book counts requests when they are made; at the start of a process, those under way would then look refused.
        """
        self._seen.add(now, 1, _ACCEPTED[call.result])

    def end(self) -> Sequence[Call]:
        """The process ends; no call is held."""
        self._refusals.end()
        return ()


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The throttling of an edge, for each replica of the caller."""
    policy = edge.spec.throttle
    if policy is None:
        return None
    return lambda replica, warm: Throttle(
        policy, spell_of(context, edge, replica, "throttling_started", "throttling_stopped")
    )
