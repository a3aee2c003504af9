"""Calls that fail without a fault, as the environment says (`sim.environment.lapses` decides which)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, ServerPolicy
from meshquake.sim.engine.tape import LAPSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import PolicyContext


class BaseErrors(ServerPolicy):
    """Fails a call once its work is done, if its draws hold an error for it; it has no state."""

    __slots__ = ()

    def admit(self, call: Call, replica: Replica, now: float) -> int:
        error = call.draws[LAPSE]
        if error:
            call.outcome = int(error)
        return PASS


def of(service: Service, context: PolicyContext) -> Callable[[Replica], ServerPolicy] | None:
    """The errors that a service has without a fault; None if it has none."""
    if service.spec.name not in context.errors:
        return None
    policy = BaseErrors()
    return lambda replica: policy
