"""The sizes of a drawing: the more services there are, the smaller each is, and the less is written about it.

Lengths are in pixels.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Lengths for meshes of a given size.

    Parameters
    ----------
    most
        The most services that it is for.
    box
        Height of a service's box.
    name, small
        Font sizes of names, and of all other text.
    captions
        Whether a second line in a box shows the numbers of replicas and workers.
    rates
        Whether arrows show calls per second.
    spacing
        Space between boxes of a column.
    lane
        Space that a line takes where it passes a column.
    gutter
        Least space between columns.
    door
        Length of the arrows of users.
    letters
        Most letters of a name that are shown.
    leaf
        Height of a service that hangs below its only caller; 0 if none does.
    narrowest
        Least width of a box.
    label
        Width of the text on arrows; 0 for that of the calls per second.
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
    """Return the style for a mesh of this many services."""
    return next(style for style in STYLES if services <= style.most)


def width(words: str, size: float) -> float:
    """Return the width of text in an unknown sans-serif font: the widest common ones take about this much."""
    return size * sum(map(_share, words))


def _share(letter: str) -> float:
    """Return the width of a letter, as a share of the font size."""
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    return 0.4 if letter in "ijlt.,-' " else 1.05 if letter in "mwMW" else 0.68


def shortened(name: str, letters: int) -> str:
    """Return a name of at most `letters` letters, cut in the middle: what distinguishes names is at both ends."""
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"
