"""A value that changes all the time, reported so that the journal says what an operator would want to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshquake.sim.policies.spell import QUIET

if TYPE_CHECKING:
    from meshquake.sim.engine.environment import Environment


class Gauge:
    """Reports a value when it has changed much since the last report, and not more often than every `QUIET` seconds.

    Parameters
    ----------
    env
        The clock.
    factor
        By what factor it must have grown or shrunk to be reported.
    value
        The initial value; 0 if it is not known, and then the first one is reported.
    note
        Called with the value reported last, and the current one.
    """

    __slots__ = ("_env", "_factor", "_note", "_since", "_value")

    def __init__(self, env: Environment, factor: float, value: float, note: Callable[[float, float], None]) -> None:
        self._env = env
        self._factor = factor
        self._note = note
        self._value = value
        self._since = env._now - QUIET

    def set(self, value: float) -> None:
        """Set the current value."""
        before = self._value
        far = value >= before * self._factor or value * self._factor <= before
        if far and value != before and self._env._now - self._since >= QUIET:
            self._value = value
            self._since = self._env._now
            self._note(before, value)
