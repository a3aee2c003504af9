"""How a strength goes up and down over time: between 0 and 1, from when it begins to when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, pi
from typing import ClassVar

from meshquake.topology.binder import bind
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key

#: No time of a shape is longer (seconds): a year.
LONGEST = 366 * 86400.0


class Shape:
    """A strength over time."""

    #: The word for it in a file.
    word: ClassVar[str]

    def level(self, elapsed: float, length: float) -> float:
        """The strength in [0, 1], so long (seconds) after the beginning of something that is `length` seconds long."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ramp(Shape):
    """Rises evenly to its whole strength, stays there, and falls evenly until it's over."""

    word: ClassVar[str] = "ramp"
    up: float = key("duration", "how long it rises", 0.0, low=0, high=LONGEST)
    down: float = key("duration", "how long it falls, at its end", 0.0, low=0, high=LONGEST)

    def level(self, elapsed: float, length: float) -> float:
        rising = elapsed / self.up if elapsed < self.up else 1.0
        left = length - elapsed
        return min(rising, left / self.down if left < self.down else 1.0)


@dataclass(frozen=True)
class Steps(Shape):
    """One strength after another, each for the same time; the last one stays."""

    word: ClassVar[str] = "steps"
    shorthand: ClassVar[str] = "levels"
    levels: tuple[float, ...] = key("ratio", "the strengths", low=0, high=1, many=True)
    each: float | None = key(
        "duration", "how long each lasts (default: all equally long)", None, low=0, above=True, high=LONGEST
    )

    def level(self, elapsed: float, length: float) -> float:
        each = length / len(self.levels) if self.each is None else self.each
        return self.levels[min(int(elapsed / each), len(self.levels) - 1)]


@dataclass(frozen=True)
class Sine(Shape):
    """Goes up and down evenly, as a sine does, from its lowest."""

    word: ClassVar[str] = "sine"
    shorthand: ClassVar[str] = "period"
    period: float = key("duration", "time from one lowest to the next", low=0, above=True, high=LONGEST)
    low: float = key("ratio", "the lowest strength", 0.0, low=0, high=1)

    def level(self, elapsed: float, length: float) -> float:
        return self.low + (1 - self.low) * (1 - cos(2 * pi * elapsed / self.period)) / 2


@dataclass(frozen=True)
class OnOff(Shape):
    """On and off in turn: a square wave, which begins on."""

    word: ClassVar[str] = "on_off"
    on: float = key("duration", "how long it's on", low=0, above=True, high=LONGEST)
    off: float = key("duration", "how long it's off", low=0, above=True, high=LONGEST)
    low: float = key("ratio", "the strength while it's off", 0.0, low=0, high=1)

    def level(self, elapsed: float, length: float) -> float:
        return 1.0 if elapsed % (self.on + self.off) < self.on else self.low


#: By their words in a file.
SHAPES: dict[str, type[Shape]] = {kind.word: kind for kind in (Ramp, Steps, Sine, OnOff)}


def shape(document: Document, node: Node, kinds: Iterable[type[Shape]] = SHAPES.values()) -> Shape | None:
    """The shape that a node describes, as in `{sine: {period: 30s}}`; None, and errors, if it's refused."""
    known = {kind.word: kind for kind in kinds}
    words = list(node.entries)
    if node.kind != "map" or len(words) != 1 or words[0] not in known:
        document.error(node, f"must have exactly one of {', '.join(known)}, as in {{sine: {{period: 30s}}}}")
        return None
    return bind(document, known[words[0]], node.entries[words[0]])
