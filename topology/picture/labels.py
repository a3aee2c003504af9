"""Where the rates of calls are written: on their lines, clear of boxes, other rates and other lines where possible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from math import dist, floor, inf

Point = tuple[float, float]
#: Left, top, right, bottom.
Frame = tuple[float, float, float, float]
_Square = tuple[int, int]

#: Positions along a curve as shares of its length, the best first: fewer lines cross near the caller.
_SHARES = (0.35, 0.42, 0.28, 0.5, 0.58, 0.66, 0.22, 0.74, 0.82)
#: The number of curves of a line that are tried, from its caller on: through a gap, past a column, and so on.
_CURVES = 3
#: The cost of covering a box, another label, or another line; and of a place that another line shares.
_BOX, _LABEL, _LINE, _SHARED = 100, 10, 1, 1
#: Distance in pixels between the points that represent lines, and the side of the squares that index them.
_APART, _SIDE = 5.0, 24.0


class Labels:
    """Finds places one after another; a place that is given is never changed.

    Parameters
    ----------
    boxes
        The boxes in the drawing.
    lines
        The curves of all lines in it, as in `drawing.Line`.
    """

    def __init__(self, boxes: Sequence[Frame], lines: Sequence[Sequence[Point]]) -> None:
        #: Points of lines, with the line's number, and covered areas with their cost, by the square they are in.
        self._points: dict[_Square, list[tuple[float, float, int]]] = defaultdict(list)
        self._taken: dict[_Square, list[tuple[Frame, int]]] = defaultdict(list)
        for box in boxes:
            self._take(box, _BOX)
        for number, line in enumerate(lines):
            for x, y in _along(line):
                self._points[floor(x / _SIDE), floor(y / _SIDE)].append((x, y, number))

    def place(self, number: int, line: Sequence[Point], wide: float, high: float) -> Point:
        """Return the centre of a label of this size on the line with this number, where it covers least."""
        best, least = line[0], inf
        for begin in range(0, min(3 * _CURVES, len(line) - 1), 3):
            for share in _SHARES:
                spot = point(line[begin : begin + 4], share)
                cost = self._cost(_around(spot, wide, high), number)
                if cost < least:
                    best, least = spot, cost
            if not least:
                break
        self._take(_around(best, wide, high), _LABEL)
        return best

    def _take(self, frame: Frame, cost: int) -> None:
        for square in _squares(frame):
            self._taken[square].append((frame, cost))

    def _cost(self, frame: Frame, number: int) -> int:
        left, top, right, bottom = frame
        middle = (left + right) / 2, (top + bottom) / 2
        frames: dict[Frame, int] = {}
        lines: set[int] = set()
        shared: set[int] = set()
        for square in _squares(frame):
            frames |= {taken: cost for taken, cost in self._taken.get(square, ()) if _meet(frame, taken)}
            for x, y, other in self._points.get(square, ()):
                if left < x < right and top < y < bottom and other != number:
                    lines.add(other)
                    if dist(middle, (x, y)) < _APART / 2:
                        shared.add(other)
        return sum(frames.values()) + _LINE * len(lines) + _SHARED * len(shared)


def _squares(frame: Frame) -> Iterator[_Square]:
    """Yield the squares that a frame overlaps."""
    left, top, right, bottom = (floor(each / _SIDE) for each in frame)
    return product(range(left, right + 1), range(top, bottom + 1))


def _along(line: Sequence[Point]) -> Iterator[Point]:
    """Yield points on a line, about as close to each other as needed."""
    for begin in range(0, len(line) - 1, 3):
        curve = line[begin : begin + 4]
        steps = max(1, round(dist(curve[0], curve[3]) / _APART))
        yield from (point(curve, step / steps) for step in range(steps + 1))


def _meet(one: Frame, other: Frame) -> bool:
    return other[0] < one[2] and one[0] < other[2] and other[1] < one[3] and one[1] < other[3]


def _around(spot: Point, wide: float, high: float) -> Frame:
    return spot[0] - wide / 2, spot[1] - high / 2, spot[0] + wide / 2, spot[1] + high / 2


def point(curve: Sequence[Point], share: float) -> Point:
    """Return a point of a cubic Bézier curve."""
    there = 1 - share
    weights = there**3, 3 * share * there**2, 3 * share**2 * there, share**3
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y
