"""The order within the columns of a layered drawing, with few crossings.

Sweeps sort each column by the mean place of its neighbours in the column sorted before (Sugiyama, Tagawa and Toda,
1981); then each slot is sifted through its column to where its lines cross the fewest others (Matuszewski, Schönfeld
and Molitor, "Using sifting for k-layer straightline crossing minimization", 1999). Nothing is random, and ties keep the
order of the input.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

Slot = TypeVar("Slot", bound=Hashable)

#: Most sweeps, sweeps without improvement before they stop, and most rounds of sifting.
_SWEEPS, _PATIENCE, _SIFTINGS = 24, 6, 4


def crossings(columns: Sequence[Sequence[Slot]], after: Mapping[Slot, Sequence[Slot]]) -> int:
    """Return the number of pairs of lines between neighbouring columns that cross.

    Parameters
    ----------
    columns
        The slots of each column, in order.
    after
        For each slot, the slots in the next column that lines lead to.
    """
    count = 0
    for left, right in pairwise(columns):
        position = {slot: index for index, slot in enumerate(right)}
        seen: list[int] = []
        for slot in left:
            ends = sorted(position[end] for end in after.get(slot, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def order(columns: Sequence[Sequence[Slot]], lines: Iterable[tuple[Slot, Slot]]) -> list[list[Slot]]:
    """Return the columns with their slots in the best order found.

    Parameters
    ----------
    columns
        The slots of each column, in an initial order. A second attempt starts with it reversed.
    lines
        Pairs of a slot and one in the next column.
    """
    before: dict[Slot, list[Slot]] = {slot: [] for column in columns for slot in column}
    after: dict[Slot, list[Slot]] = {slot: [] for column in columns for slot in column}
    for left, right in lines:
        after[left].append(right)
        before[right].append(left)
    attempts = []
    for start in ([list(column) for column in columns], [list(column)[::-1] for column in columns]):
        found = _swept(start, before, after)
        for _ in range(_SIFTINGS):
            if not _sifted(found, before, after):
                break
        attempts.append(found)
    return min(attempts, key=lambda found: crossings(found, after))


def _swept(
    columns: list[list[Slot]], before: Mapping[Slot, list[Slot]], after: Mapping[Slot, list[Slot]]
) -> list[list[Slot]]:
    """Return the best order that sweeps back and forth find."""
    best, fewest, idle = columns, crossings(columns, after), 0
    for sweep in range(_SWEEPS):
        if idle == _PATIENCE:
            break
        forward = sweep % 2 == 0
        columns = _sweep(columns, before) if forward else _sweep(columns[::-1], after)[::-1]
        count, idle = crossings(columns, after), idle + 1
        if count < fewest:
            best, fewest, idle = columns, count, 0
    return [list(column) for column in best]


def _sweep(columns: list[list[Slot]], neighbours: Mapping[Slot, list[Slot]]) -> list[list[Slot]]:
    """Sort the columns one after another by the mean places of neighbours in the column before."""
    done = columns[:1]
    for column in columns[1:]:
        position = {slot: place for place, slot in enumerate(done[-1])}
        centre: dict[Slot, float] = {
            slot: sum(position[other] for other in near) / len(near) if (near := neighbours[slot]) else place
            for place, slot in enumerate(column)
        }
        done.append(sorted(column, key=centre.__getitem__))
    return done


def _sifted(columns: list[list[Slot]], before: Mapping[Slot, list[Slot]], after: Mapping[Slot, list[Slot]]) -> bool:
    """Move each slot to the best place in its column, in place; return whether anything changed."""
    changed = False
    for index, column in enumerate(columns):
        sides = [
            _ends(column, columns[other], neighbours)
            for other, neighbours in ((index - 1, before), (index + 1, after))
            if 0 <= other < len(columns)
        ]
        for slot in list(column):
            place = column.index(slot)
            others = column[:place] + column[place + 1 :]
            # Crossings at each place, up to a constant.
            steps = (sum(_crossed(side[other], side[slot]) for side in sides) for other in others)
            counts = list(accumulate(steps, initial=0))
            best = min(range(len(counts)), key=lambda at: (counts[at], abs(at - place)))
            if best != place:
                column.insert(best, column.pop(place))
                changed = True
    return changed


def _ends(column: list[Slot], beside: list[Slot], neighbours: Mapping[Slot, list[Slot]]) -> dict[Slot, list[int]]:
    """Return where the lines of each slot end in the neighbouring column, in order."""
    position = {slot: place for place, slot in enumerate(beside)}
    return {slot: sorted(position[near] for near in neighbours[slot]) for slot in column}


def _crossed(upper: list[int], lower: list[int]) -> int:
    """Return how many more crossings the lines of two slots have, by their ends, than if the slots were swapped."""
    return sum(bisect_left(lower, end) + bisect_right(lower, end) for end in upper) - len(upper) * len(lower)
