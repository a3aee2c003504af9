"""Where things lie in the columns of a layered drawing, once their order is known.

Each is moved as close as possible to its neighbours, again and again, without changing the order or the distances.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Slot = TypeVar("Slot", bound=Hashable)

_PASSES = 40


@dataclass(frozen=True)
class Room:
    """The room of a slot above and below the level where lines meet it; `stiff` if lines should pass it straight."""

    above: float
    below: float
    stiff: bool = False


def places(
    columns: Sequence[Sequence[Slot]], lines: Iterable[tuple[Slot, Slot]], rooms: Mapping[Slot, Room]
) -> dict[Slot, float]:
    """Return the level of each slot, downward; the highest room begins at 0.

    Parameters
    ----------
    columns
        The slots of each column, in order.
    lines
        Pairs of slots that should be at about the same level.
    rooms
        The room of each slot.
    """
    near: dict[Slot, list[Slot]] = {slot: [] for column in columns for slot in column}
    for left, right in lines:
        near[left].append(right)
        near[right].append(left)
    levels: dict[Slot, float] = {}
    for column in columns:
        top = -sum(rooms[slot].above + rooms[slot].below for slot in column) / 2
        for slot in column:
            levels[slot] = top + rooms[slot].above
            top = levels[slot] + rooms[slot].below
    for step in range(_PASSES):
        for column in columns if step % 2 == 0 else reversed(columns):
            wishes = [_wish(slot, near[slot], levels, rooms) for slot in column]
            levels.update(zip(column, _separate(wishes, [rooms[slot] for slot in column]), strict=True))
    high = min((levels[column[0]] - rooms[column[0]].above for column in columns if column), default=0.0)
    return {slot: level - high for slot, level in levels.items()}


def _wish(slot: Slot, near: Sequence[Slot], levels: Mapping[Slot, float], rooms: Mapping[Slot, Room]) -> float:
    """Return the ideal level of a slot: amid its neighbours. Stiff ones pull each other most."""
    if not near:
        return levels[slot]
    stiff = rooms[slot].stiff
    weights = [1 if not stiff else 8 if rooms[other].stiff else 2 for other in near]
    return sum(weight * levels[other] for weight, other in zip(weights, near, strict=True)) / sum(weights)


def _separate(wishes: Sequence[float], rooms: Sequence[Room]) -> list[float]:
    """Return the levels closest to the wishes (least squares) that keep the order and leave each slot its room.

    After subtracting the rooms above each, this is isotonic regression, by pooling adjacent violators.
    """
    offsets = []
    top = 0.0
    for room in rooms:
        offsets.append(top + room.above)
        top += room.above + room.below
    pools: list[tuple[float, int]] = []  # sum and number of the wishes that are pooled at one place
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]
