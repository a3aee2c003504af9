"""An operator's action: something done at a given time to a part of a mesh that is in trouble.

A kind of action is one file in `faults/actions/`: a frozen dataclass derived from `Action`, or from `Measure` if it can
be taken back. An action is a cause like a fault, and works by the same means (`faults.fault.Surface`); the two differ
in why they are done. So the twin of a run, in which nothing goes wrong, has no actions either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.fault import Cause, Extent, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Action(Cause):
    """Something that an operator does, which goes on until it's done."""

    what: ClassVar[str] = "action"
    lasts: ClassVar[bool] = False
    levels: ClassVar[tuple[str, ...]] = ("service", "replica")

    def window_in(self, lead_in: float, duration: float, length: float) -> Window:
        """From `at` on: the result of an action stays."""
        start = lead_in + self.at.of(duration)
        return Window(start, start, max(start, length))


@dataclass(frozen=True, kw_only=True)
class Measure(Action):
    """An action that stays in force until it is taken back."""

    lasts: ClassVar[bool] = True
    for_: Extent | None = key(
        "other", "how long until it is undone: a time, or % of the incident's duration (default: never)", None
    )

    def window_in(self, lead_in: float, duration: float, length: float) -> Window:
        """From `at` on, until it is taken back."""
        start = lead_in + self.at.of(duration)
        end = max(start, length) if self.for_ is None else start + self.for_.of(duration)
        return Window(start, start, end)
