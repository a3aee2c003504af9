"""Operations that fail now and then without a fault: the noise that real services have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS, ServerPolicy
from meshquake.sim.policies.draw import draw
from meshquake.topology.errors import CODES, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.policies.context import PolicyContext
    from meshquake.topology.spec import Operation


class ErrorRate(ServerPolicy):
    """Fails a share of the requests once their work is done, by a draw of each request's own; it has no state."""

    __slots__ = ("_odds",)

    def __init__(self, odds: list[tuple[float, int]]) -> None:
        #: The share and the code of the error, by the operation's position.
        self._odds = odds

    def admit(self, call: Call, replica: Replica, now: float) -> int:
        share, error = self._odds[call.site.operation]
        if share and draw(call, "error-rate") < share:
            call.outcome = error
        return PASS


def of(service: Service, context: PolicyContext) -> Callable[[Replica], ServerPolicy] | None:
    """The error rates of a service's operations; None if all are 0."""
    spec = service.spec
    odds = {version: _odds(spec.operations_of(version)) for version in ("", *(each.name for each in spec.versions))}
    if not any(share for each in odds.values() for share, _ in each):
        return None
    policies = {version: ErrorRate(each) for version, each in odds.items()}
    return lambda replica: policies[replica.deployment.version]


def _odds(operations: tuple[Operation, ...]) -> list[tuple[float, int]]:
    return [(each.error_rate, CODES[each.error] if each.error_rate else SUCCESS) for each in operations]
