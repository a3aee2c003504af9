"""Places for the nodes of a layered drawing, after Sugiyama, Tagawa and Toda (1981).

Layers stand side by side. An edge that passes over layers gets a lane in each of them, so that it runs between boxes
and not through them. The order within layers is improved by barycentre sweeps; then each node is moved as near as
possible to its neighbours without changing the order. Nothing is random, and ties keep the order of the input.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 24
_PASSES = 40

#: A node's name, or an edge's lane in a layer: (source, target, layer).
Slot = str | tuple[str, str, int]


@dataclass(frozen=True)
class Layout:
    """Where things are across the layers.

    `across` is the centre of each node. `lanes` has, for each edge, its place in each layer that it passes over, as
    (layer, centre); an edge to the next layer, and one that goes back, has none. `extent` is the sum of all heights in
    the fullest layer: everything lies between 0 and it.
    """

    across: dict[str, float]
    lanes: dict[tuple[str, str], list[tuple[int, float]]]
    extent: float


def arrange(
    depths: Mapping[str, int], edges: Iterable[tuple[str, str]], node_height: float, lane_height: float
) -> Layout:
    """Arrange nodes in layers.

    Parameters
    ----------
    depths
        The layer of each node.
    edges
        Pairs (source, target) of nodes.
    node_height, lane_height
        Room that a node and a passing edge take in a layer, distances to others included.
    """
    layers: list[list[Slot]] = [[] for _ in range(max(depths.values(), default=0) + 1)]
    for node, depth in depths.items():
        layers[depth].append(node)
    before: dict[Slot, list[Slot]] = defaultdict(list)
    after: dict[Slot, list[Slot]] = defaultdict(list)
    passing: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for source, target in edges:
        passing[source, target] = [(source, target, layer) for layer in range(depths[source] + 1, depths[target])]
        for lane in passing[source, target]:
            layers[lane[2]].append(lane)
        if depths[source] < depths[target]:
            stops: tuple[Slot, ...] = (source, *passing[source, target], target)
            for left, right in pairwise(stops):
                after[left].append(right)
                before[right].append(left)
    layers = _order(layers, before, after)
    heights = {slot: node_height if isinstance(slot, str) else lane_height for layer in layers for slot in layer}
    centres = _align(layers, before, after, heights)
    low = min((centres[layer[0]] - heights[layer[0]] / 2 for layer in layers if layer), default=0.0)
    high = max((centres[layer[-1]] + heights[layer[-1]] / 2 for layer in layers if layer), default=0.0)
    return Layout(
        across={node: centres[node] - low for node in depths},
        lanes={edge: [(lane[2], centres[lane] - low) for lane in lanes] for edge, lanes in passing.items()},
        extent=high - low,
    )


def crossings(layers: Sequence[Sequence[Slot]], after: Mapping[Slot, Sequence[Slot]]) -> int:
    """The number of pairs of edges between neighbouring layers that cross."""
    count = 0
    for left, right in pairwise(layers):
        position = {slot: index for index, slot in enumerate(right)}
        seen: list[int] = []
        for slot in left:
            ends = sorted(position[end] for end in after.get(slot, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _order(
    layers: list[list[Slot]], before: Mapping[Slot, Sequence[Slot]], after: Mapping[Slot, Sequence[Slot]]
) -> list[list[Slot]]:
    """The best order found in some sweeps, which sort each layer by the mean position of its neighbours behind."""
    best, fewest = layers, crossings(layers, after)
    current = [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        indices = range(1, len(current)) if forward else range(len(current) - 2, -1, -1)
        for index in indices:
            fixed = current[index - 1] if forward else current[index + 1]
            position = {slot: place for place, slot in enumerate(fixed)}
            own = {slot: place for place, slot in enumerate(current[index])}
            centre = {
                slot: sum(position[other] for other in near) / len(near) if (near := neighbours.get(slot)) else place
                for slot, place in own.items()
            }
            current[index].sort(key=centre.__getitem__)
        count = crossings(current, after)
        if count < fewest:
            best, fewest = [list(layer) for layer in current], count
    return best


def _align(
    layers: Sequence[Sequence[Slot]],
    before: Mapping[Slot, Sequence[Slot]],
    after: Mapping[Slot, Sequence[Slot]],
    heights: Mapping[Slot, float],
) -> dict[Slot, float]:
    """Centres that keep the order and the distances, and bring each slot near to its neighbours."""
    centres: dict[Slot, float] = {}
    for layer in layers:
        top = -sum(heights[slot] for slot in layer) / 2
        for slot in layer:
            centres[slot] = top + heights[slot] / 2
            top += heights[slot]
    for step in range(_PASSES):
        for layer in layers if step % 2 == 0 else reversed(layers):
            wishes = [_wish(slot, (*before.get(slot, ()), *after.get(slot, ())), centres) for slot in layer]
            centres.update(zip(layer, _separate(wishes, [heights[slot] for slot in layer]), strict=True))
    return centres


def _wish(slot: Slot, neighbours: Sequence[Slot], centres: Mapping[Slot, float]) -> float:
    """Where a slot would like to be: amid its neighbours. Lanes pull each other most, so long edges become straight."""
    if not neighbours:
        return centres[slot]
    weights = [1 if isinstance(slot, str) else 2 if isinstance(other, str) else 8 for other in neighbours]
    return sum(w * centres[other] for w, other in zip(weights, neighbours, strict=True)) / sum(weights)


def _separate(wishes: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The centres nearest to the wishes (least squares) that keep the order and don't overlap.

    With the heights above each slot taken off, that is isotonic regression, by pooling adjacent violators.
    """
    offsets = []
    top = 0.0
    for height in heights:
        offsets.append(top + height / 2)
        top += height
    pools: list[tuple[float, int]] = []  # sum and number of the wishes that are at one place
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]
