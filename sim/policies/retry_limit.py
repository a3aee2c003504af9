"""What limits on retries have in common: each says whether another is allowed, and refusals are noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy
from meshquake.sim.policies.spell import Spell, spell_of

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.policies.context import Maker, PolicyContext


class RetryLimit(CallerPolicy):
    """A limit on the retries of one caller replica and edge; `refusals` reports a spell of refused retries as one."""

    __slots__ = ("refusals",)

    def __init__(self, refusals: Spell) -> None:
        self.refusals = refusals

    def allows_retry(self, call: Call, now: float) -> bool:
        """Whether another attempt may follow."""
        objection = self.objects(call, now)
        if objection:
            self.refusals.strike(objection)
        return not objection

    def end(self) -> Sequence[Call]:
        """The process ends; no call is held."""
        self.refusals.end()
        return ()

    def objects(self, call: Call, now: float) -> str:
        """Return why no other attempt may follow; empty if one may."""
        raise NotImplementedError


def of_each(edge: RuntimeEdge, context: PolicyContext, make: Callable[[Spell], RetryLimit]) -> Maker:
    """Return a maker of one limit for each replica of the caller, whose refusals go to the journal."""
    return lambda replica, warm: make(spell_of(context, edge, replica, "retries_stopped", "retries_resumed"))
