"""A limit on concurrent retries: Envoy's `max_retries`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import PASS
from meshquake.sim.policies.retry_limit import RetryLimit, of_each
from meshquake.sim.policies.spell import Spell

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext


class ConcurrentRetries(RetryLimit):
    """The retries of one caller replica and edge: those under way, and those waiting for the end of a pause."""

    __slots__ = ("_due", "_limit", "running")

    def __init__(self, limit: int, refusals: Spell) -> None:
        super().__init__(refusals)
        self._limit = limit
        self.running = 0
        #: Failed attempts that will be retried.
        self._due: list[Call] = []

    def admit(self, call: Call, now: float) -> int:
        """Count a retry that begins."""
        if call.former is not None:
            self.running += 1
            if call.former in self._due:
                self._due.remove(call.former)
        return PASS

    def settle(self, call: Call, now: float) -> None:
        """Count a retry that is over."""
        if call.former is not None:
            self.running = max(0, self.running - 1)  # a call held while settings changed was never counted

    def withdrawn(self, call: Call, now: float) -> None:
        """Count a retry that is over."""
        self.settle(call, now)

    def objects(self, call: Call, now: float) -> str:
        # A retry whose caller was cancelled during the pause is never made.
        self._due = [each for each in self._due if each.next_at >= now]
        return "" if self.running + len(self._due) < self._limit else f"{self._limit} retries are under way"

    def retried(self, call: Call, now: float) -> None:
        """Count a retry that will be made."""
        self._due.append(call)


def of(edge: RuntimeEdge, context: PolicyContext) -> Maker | None:
    """The limits of an edge, one for each replica of the caller."""
    limit = edge.spec.retry.concurrent if edge.spec.retry else None
    return None if limit is None else of_each(edge, context, lambda refusals: ConcurrentRetries(limit, refusals))
