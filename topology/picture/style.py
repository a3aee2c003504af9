"""How large things are drawn: the more services there are, the smaller, and the less is said of each.

Lengths are in pixels.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Lengths that fit meshes of a size.

    Parameters
    ----------
    most
        The most services that it is for.
    box
        Height of a service's box.
    name, small
        Font sizes of names, and of all other words.
    captions
        Whether a second line in a box says how many replicas and workers there are.
    rates
        Whether calls a second stand on the arrows.
    spacing
        Between boxes of a column.
    lane
        Room that a line takes where it passes a column.
    gutter
        Between columns, at least.
    door
        Length of the arrows of users.
    letters
        Of a name, the most that are shown.
    leaf
        Height of a service that hangs below its only caller; 0 if none does.
    narrowest
        Width of a box at least.
    label
        Width of what is written on arrows; 0 for that of the calls a second.
    """

    most: float
    box: float
    name: float
    small: float
    captions: bool
    rates: bool
    spacing: float
    lane: float
    gutter: float
    door: float
    letters: int
    leaf: float
    narrowest: float = 0.0
    label: float = 0.0


STYLES = (
    Style(16, 54, 14, 12, True, True, 30, 20, 124, 64, 40, 0),
    Style(60, 38, 12.5, 10, True, True, 18, 14, 84, 52, 28, 20),
    Style(float("inf"), 22, 11, 10, False, False, 10, 8, 64, 26, 26, 17),
)


def style_for(services: int) -> Style:
    """The style for a mesh of that many services."""
    return next(style for style in STYLES if services <= style.most)


def width(words: str, size: float) -> float:
    """Room for words in a sans-serif font that we don't know: the widest common ones take about this."""
    return size * sum(map(_share, words))


def _share(letter: str) -> float:
    """The width of a letter, as a share of the font's size."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return 0.4 if letter in "ijlt.,-' " else 1.05 if letter in "mwMW" else 0.68


def shortened(name: str, letters: int) -> str:
    """A name with so many letters at most, cut out of its middle: what tells names apart is at both ends."""
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"
