"""A bulkhead: a limit on the calls in flight from one replica of the caller to one callee."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, CallerPolicy
from meshquake.topology.errors import CODES

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext

_FULL = CODES["bulkhead_full"]


class Bulkhead(CallerPolicy):
    """Refuses calls beyond `limit` at a time; it has no state."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def admit(self, call: Call, now: float) -> int:
        """Refuse the call if it exceeds the limit; it is counted already."""
        caller = call.caller
        assert caller is not None
        return _FULL if caller.in_flight > self.limit else PASS


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The bulkhead of an edge."""
    if edge.spec.bulkhead is None:
        return None
    bulkhead = Bulkhead(edge.spec.bulkhead.max_concurrent)
    return lambda replica, warm: bulkhead
