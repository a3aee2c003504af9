"""How a strength between 0 and 1 changes over time, from the start of something to its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import cos, pi
from typing import ClassVar

from meshquake.topology.binder import bind
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key

#: The longest time that a shape may have (seconds): a year.
LONGEST = 366 * 86400.0
WEEK = 7 * 86400.0


class Shape:
    """A strength over time."""

    #: Its word in a file.
    word: ClassVar[str]

    @property
    def problem(self) -> str:
        """What is wrong with the values though each is valid on its own; empty if nothing is."""
        return ""

    def level(self, elapsed: float, length: float) -> float:
        """Return the strength in [0, 1], `elapsed` seconds after the start of something that lasts `length` seconds."""
        raise NotImplementedError

    def at(self, clock: float) -> Shape:
        """Return the same shape for something that starts `clock` seconds after midnight on a Monday."""
        return self


@dataclass(frozen=True)
class Ramp(Shape):
    """Rises linearly to full strength, stays there, and falls linearly at its end."""

    word: ClassVar[str] = "ramp"
    up: float = key("duration", "how long it rises", 0.0, low=0, high=LONGEST)
    down: float = key("duration", "how long it falls, at its end", 0.0, low=0, high=LONGEST)

    def level(self, elapsed: float, length: float) -> float:
        rising = elapsed / self.up if elapsed < self.up else 1.0
        left = length - elapsed
        return min(rising, left / self.down if left < self.down else 1.0)


@dataclass(frozen=True)
class Steps(Shape):
    """One strength after another, each for the same time; the last one lasts until the end."""

    word: ClassVar[str] = "steps"
    shorthand: ClassVar[str] = "levels"
    levels: tuple[float, ...] = key("ratio", "the strengths", low=0, high=1, many=True)
    each: float | None = key(
        "duration", "how long each lasts (default: all equally long)", None, low=0, above=True, high=LONGEST
    )

    @property
    def problem(self) -> str:
        return "" if any(self.levels) else "needs a level above 0%: otherwise it does nothing"

    def level(self, elapsed: float, length: float) -> float:
        each = length / len(self.levels) if self.each is None else self.each
        return self.levels[min(int(elapsed / each), len(self.levels) - 1)]


@dataclass(frozen=True)
class Sine(Shape):
    """A sine wave that begins at its lowest."""

    word: ClassVar[str] = "sine"
    shorthand: ClassVar[str] = "period"
    period: float = key("duration", "time from one lowest to the next", low=0, above=True, high=LONGEST)
    low: float = key("ratio", "the lowest strength", 0.0, low=0, high=1)

    def level(self, elapsed: float, length: float) -> float:
        return self.low + (1 - self.low) * (1 - cos(2 * pi * elapsed / self.period)) / 2


@dataclass(frozen=True)
class OnOff(Shape):
    """A square wave: on and off in turn, beginning with on."""

    word: ClassVar[str] = "on_off"
    on: float = key("duration", "how long it's on", low=0, above=True, high=LONGEST)
    off: float = key("duration", "how long it's off", low=0, above=True, high=LONGEST)
    low: float = key("ratio", "the strength while it's off", 0.0, low=0, high=1)

    def level(self, elapsed: float, length: float) -> float:
        return 1.0 if elapsed % (self.on + self.off) < self.on else self.low


@dataclass(frozen=True)
class Week(Shape):
    """Follows the hour of the day and the day of the week, linearly from one hour to the next."""

    word: ClassVar[str] = "week"
    shorthand: ClassVar[str] = "hours"
    hours: tuple[float, ...] = key("ratio", "24 strengths, at 0:00, 1:00 and so on", low=0, high=1, many=True)
    days: tuple[float, ...] = key(
        "ratio", "7 factors for those strengths, from Monday on", (1.0,) * 7, low=0, high=1, many=True
    )
    begins: float | None = key(
        "duration",
        "where in the week it begins, from Monday midnight (default: by the start of the recording, in UTC)",
        None,
        low=0,
        high=WEEK,
    )

    @property
    def problem(self) -> str:
        counts = {"hours": (len(self.hours), 24), "days": (len(self.days), 7)}
        wrong = [f"{word} must be {right}, not {found}" for word, (found, right) in counts.items() if found != right]
        if not wrong and not (any(self.hours) and any(self.days)):
            wrong = ["needs an hour and a day above 0%: otherwise it stays at 0%"]
        return "; ".join(wrong)

    def level(self, elapsed: float, length: float) -> float:
        hour, part = divmod(((self.begins or 0.0) + elapsed) % WEEK / 3600, 1)
        return (1 - part) * self._at(int(hour)) + part * self._at(int(hour) + 1)

    def _at(self, hour: int) -> float:
        return self.hours[hour % 24] * self.days[hour // 24 % 7]

    def at(self, clock: float) -> Shape:
        return self if self.begins is not None else replace(self, begins=clock % WEEK)


#: Shapes by their word in a file.
SHAPES: dict[str, type[Shape]] = {kind.word: kind for kind in (Ramp, Steps, Sine, OnOff)}


def shape(
    document: Document, node: Node, kinds: Iterable[type[Shape]] = SHAPES.values(), also: Iterable[str] = ()
) -> Shape | None:
    """Read a shape, as in `{sine: {period: 30s}}`; None, and errors, if it's refused.

    `also` are words that may stand in its place and that the caller reads itself.
    """
    known = {kind.word: kind for kind in kinds}
    words = list(node.entries)
    if node.kind != "map" or len(words) != 1 or words[0] not in known:
        document.error(node, f"must have exactly one of {', '.join((*known, *also))}, as in {{sine: {{period: 30s}}}}")
        return None
    found = bind(document, known[words[0]], node.entries[words[0]])
    if found is not None and found.problem:
        document.error(node.entries[words[0]], found.problem)
        return None
    return found
