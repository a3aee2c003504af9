"""Where the rates of calls are written: on their lines, beside no box and no other label where there's room."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
#: Left, top, right, bottom.
Frame = tuple[float, float, float, float]

#: Shares of the way along a line's first curve, the best first: nearer to the caller fewer lines cross.
_SHARES = (0.35, 0.42, 0.28, 0.5, 0.58, 0.66, 0.22, 0.74, 0.82)


class Labels:
    """Finds places one after another; what has one keeps it."""

    def __init__(self, taken: Sequence[Frame]) -> None:
        self._taken = list(taken)

    def place(self, curve: Sequence[Point], wide: float, high: float) -> Point:
        """The middle of a label of that size on a line: the first place that is free, or else the usual one."""
        spots = [point(curve[:4], share) for share in _SHARES]
        spot = next((spot for spot in spots if self._free(_around(spot, wide, high))), spots[0])
        self._taken.append(_around(spot, wide, high))
        return spot

    def _free(self, frame: Frame) -> bool:
        return not any(
            left < frame[2] and frame[0] < right and top < frame[3] and frame[1] < bottom
            for left, top, right, bottom in self._taken
        )


def _around(spot: Point, wide: float, high: float) -> Frame:
    return spot[0] - wide / 2, spot[1] - high / 2, spot[0] + wide / 2, spot[1] + high / 2


def point(curve: Sequence[Point], share: float) -> Point:
    """A point of a cubic Bézier curve."""
    there = 1 - share
    weights = there**3, 3 * share * there**2, 3 * share**2 * there, share**3
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y
