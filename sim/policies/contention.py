"""Work that takes longer in company: requests of a replica that contend for locks, caches or a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, ServerPolicy
from meshquake.sim.engine.tape import WORK

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import PolicyContext


class Contention(ServerPolicy):
    """Each request in progress when another arrives lengthens that one's work by a share of it; it has no state.

    Work between calls is lengthened by those that are in progress when it begins. The work that was drawn stays what it
    was, so that a run without the crowd differs by nothing else.
    """

    __slots__ = ("_own", "_shares")

    def __init__(self, shares: list[float], handlers: str) -> None:
        #: By the operation's position.
        self._shares = shares
        #: The workers that a request holds between its calls.
        self._own = int(handlers == "threads")

    def admit(self, call: Call, replica: Replica, now: float) -> int:
        share = self._shares[call.site.operation]
        if share:
            draws = call.draws
            call.draws = (draws[WORK] * (1.0 + share * replica.active), *draws[1:])
        return PASS

    def lengthen(self, part: Call, replica: Replica, work: float) -> float:
        return work * (1.0 + self._shares[part.site.operation] * (replica.active - self._own))


def of(service: Service, context: PolicyContext) -> Callable[[Replica], ServerPolicy] | None:
    """What requests at a service cost each other; None if they don't."""
    spec = service.spec
    shares = {
        version: [operation.contention for operation in spec.operations_of(version)]
        for version in ("", *(each.name for each in spec.versions))
    }
    if not any(any(each) for each in shares.values()):
        return None
    policies = {version: Contention(each, spec.handlers) for version, each in shares.items()}
    return lambda replica: policies[replica.deployment.version]
