"""Work that slows down under concurrency: requests of a replica contend for locks, caches or a disk."""

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
    """Lengthens a request's work by a share for each request in progress when it arrives; it has no state.

    Work between calls is lengthened by the requests in progress when it begins. The drawn work itself is kept, so that
    a run without contention differs in nothing else.
    """

    __slots__ = ("_own", "_shares")

    def __init__(self, shares: list[float], handlers: str) -> None:
        #: Shares by the operation's position.
        self._shares = shares
        #: How many workers a request holds between its calls.
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
    """The contention among requests at a service; None if there is none."""
    spec = service.spec
    shares = {
        version: [operation.contention for operation in spec.operations_of(version)]
        for version in ("", *(each.name for each in spec.versions))
    }
    if not any(any(each) for each in shares.values()):
        return None
    policies = {version: Contention(each, spec.handlers) for version, each in shares.items()}
    return lambda replica: policies[replica.deployment.version]
