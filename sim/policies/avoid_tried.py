"""Sends another attempt to a replica that no earlier attempt went to, as long as there is one.

This is Envoy's `previous_hosts` predicate, which Istio sets on every route. Envoy re-picks at random a few times, so it
may fail to avoid a replica where this does not.
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
    """Leaves out the replicas of earlier attempts; it has no state."""

    __slots__ = ()

    def narrow(self, ready: Sequence[Replica], call: Call, now: float) -> Sequence[Replica]:
        """Return the replicas not tried yet, or all of them once each was tried."""
        if call.former is None:
            return ready
        tried = []
        former: Call | None = call.former
        while former is not None:
            tried.append(former.replica)
            former = former.former
        return [replica for replica in ready if replica not in tried] or ready


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The policy of an edge, the same for all replicas of the caller."""
    avoid = AvoidTried()
    return (lambda replica, warm: avoid) if edge.spec.avoid_tried else None
