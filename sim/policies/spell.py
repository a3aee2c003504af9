"""Rules for reporting frequent events, so that the journal says what an operator would want to read, once.

Products count such events and log few of them: Envoy has counters and gauges, gRPC and Finagle nothing but counters. An
event for each change would be a flood wherever something hovers near its bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import PolicyContext

#: Seconds without an event after which a spell is over, and within which a gauge is not reported twice.
QUIET: Final = 10.0


class Spell:
    """Repeated actions of a policy on calls, reported as one stretch with a beginning and an end.

    It begins with the first call that is affected, and is over once none was affected for `QUIET` seconds.

    Parameters
    ----------
    env
        The clock.
    note
        Called when it begins (True) and when it is over, with the reason.
    """

    __slots__ = ("_ended", "_env", "_last", "_note", "lasts")

    def __init__(self, env: Environment, note: Callable[[bool, str], None]) -> None:
        self._env = env
        self._note = note
        self.lasts = False
        #: When the last call was affected.
        self._last = 0.0
        self._ended = False

    def strike(self, reason: str) -> None:
        """Record that a call is affected, and why."""
        self._last = self._env._now
        if not self.lasts:
            self.lasts = True
            self._note(True, reason)
            self._env.call_at(self._last + QUIET, self._look)

    def end(self) -> None:
        """The process ends; nothing more is reported."""
        self._ended = True

    def _look(self, _: None) -> None:
        if self._ended:
            return
        due = self._last + QUIET
        if due > self._env._now:
            self._env.call_at(due, self._look)
            return
        self.lasts = False
        self._note(False, f"none for {QUIET:g} s")


def spell_of(context: PolicyContext, edge: RuntimeEdge, caller: Replica, begins: str, ends: str) -> Spell:
    """Return a spell of a caller on an edge, reported by two notices that name the callee and the reason."""
    target = edge.callee.spec.name

    def note(lasts: bool, reason: str) -> None:
        name = begins if lasts else ends
        context.journal.note(name, caller.service, replica=caller, target=target, reason=reason)

    return Spell(context.env, note)
