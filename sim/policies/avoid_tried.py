"""Another attempt goes where none of those before it went, as long as there is such a replica.

Envoy's `previous_hosts` predicate, which Istio sets on every route; it picks again a few times at random, so that it
may fail to avoid one where this doesn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import Maker, PolicyContext


class AvoidTried(CallerPolicy):
    """Leaves out the replicas of the attempts before; it has no state of its own."""

    __slots__ = ()

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """Those not tried yet; all of them again once each was."""
        if call.former is None:
            return ready
        tried = []
        former: Call | None = call.former
        while former is not None:
            tried.append(former.replica)
            former = former.former
        return [replica for replica in ready if replica not in tried] or ready


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The same for all replicas of the caller."""
    avoid = AvoidTried()
    return (lambda replica, warm: avoid) if edge.spec.avoid_tried else None
