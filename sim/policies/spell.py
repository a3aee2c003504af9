"""When to tell of what happens again and again, so that a journal says what an operator would want to read, once.

Products count such things and log few of them: Envoy has counters and gauges, gRPC and Finagle nothing but counters. An
event for each change would be a flood wherever something is near its bound all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.policies.context import PolicyContext

#: Seconds after which something that does not happen any more is over, and within which nothing is told twice.
QUIET: Final = 10.0


class Spell:
    """Something that a policy does to calls, told as one stretch: its beginning and its end.

    It begins with the first call that is struck, and is over once none was for `QUIET` seconds.

    Parameters
    ----------
    env
        The clock.
    note
        Hears that it begins (True) or is over, and why.
    """

    __slots__ = ("_ended", "_env", "_last", "_note", "lasts")

    def __init__(self, env: Environment, note: Callable[[bool, str], None]) -> None:
        self._env = env
        self._note = note
        self.lasts = False
        #: When the last call was struck.
        self._last = 0.0
        self._ended = False

    def strike(self, reason: str) -> None:
        """A call is struck, for this reason."""
        self._last = self._env._now
        if not self.lasts:
            self.lasts = True
            self._note(True, reason)
            self._env.call_at(self._last + QUIET, self._look)

    def end(self) -> None:
        """The process ends, and tells nothing more."""
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


def told(context: PolicyContext, edge: RuntimeEdge, caller: Replica, begins: str, ends: str) -> Spell:
    """A spell of a caller's on an edge; two notices of the catalogue tell of it, which name the callee and why."""
    target = edge.callee.spec.name

    def note(lasts: bool, reason: str) -> None:
        name = begins if lasts else ends
        context.journal.note(name, caller.service, replica=caller, target=target, reason=reason)

    return Spell(context.env, note)


class Gauge:
    """A number that moves all the time, told when it has moved far since it was told last, and not too often.

    Parameters
    ----------
    env
        The clock.
    factor
        How many times as large or as small it must be to be told.
    value
        What it is at first; 0 if that is not known, and then the first one is told.
    note
        Hears what it was when it was told last, and what it is.
    """

    __slots__ = ("_env", "_factor", "_note", "_since", "_value")

    def __init__(self, env: Environment, factor: float, value: float, note: Callable[[float, float], None]) -> None:
        self._env = env
        self._factor = factor
        self._note = note
        self._value = value
        self._since = env._now - QUIET

    def set(self, value: float) -> None:
        """What it is now."""
        before = self._value
        far = value >= before * self._factor or value * self._factor <= before
        if far and value != before and self._env._now - self._since >= QUIET:
            self._value = value
            self._since = self._env._now
            self._note(before, value)
