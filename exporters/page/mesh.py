"""The mesh as it is drawn on the page: where each service stands and how each edge runs.

The page asks `placed` and nothing else for places, so that a better layout takes its place there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from meshquake.exporters.page.calls import pairs
from meshquake.exporters.page.sources import Sources
from meshquake.topology.graph import depths
from meshquake.topology.picture.layout import arrange

# Lengths in pixels.
_WIDTH, _HEIGHT = 148, 52
_GAP, _SPACING, _LANE, _MARGIN, _BOW = 96, 22, 24, 10, 26


@dataclass(frozen=True)
class Places:
    """A drawing without its colours, in pixels from its upper left corner.

    Attributes
    ----------
    width, height
        Of the whole.
    boxes
        Of each service: left, top, width and height.
    paths
        Of each edge, how it runs, as the `d` of an SVG path, from the caller's box to the callee's.
    labels
        Of each edge, the middle of what is written on it.
    """

    width: float
    height: float
    boxes: Mapping[str, tuple[float, float, float, float]]
    paths: Mapping[tuple[str, str], str]
    labels: Mapping[tuple[str, str], tuple[float, float]]


def mesh(sources: Sources) -> dict[str, Any]:
    """The places of services and edges, and what kind each service is of."""
    edges = pairs(sources)
    layers = depths(sources.topology) if sources.topology.edges else _layers(_names(sources), edges)
    places = placed(layers, edges)
    return {
        "name": sources.topology.name,
        "width": places.width,
        "height": places.height,
        "services": [
            {
                "name": service.name,
                "kind": service.kind,
                "replicas": service.replicas,
                "box": places.boxes[service.name],
                "layer": layers[service.name],
            }
            for service in sources.topology.services
        ],
        "edges": [
            {"caller": caller, "callee": callee, "path": places.paths[caller, callee], "at": label}
            for (caller, callee), label in places.labels.items()
        ],
    }


def placed(layers: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> Places:
    """Places for services in layers, callers left of callees.

    Parameters
    ----------
    layers
        The layer of each service, from 0 on.
    edges
        Callers and callees.
    """
    layout = arrange(layers, edges, _HEIGHT + _SPACING, _LANE)
    left = {layer: float(_MARGIN + layer * (_WIDTH + _GAP)) for layer in range(max(layers.values(), default=0) + 1)}
    middle = {name: _MARGIN + layout.across[name] for name in layers}
    boxes = {name: (left[layers[name]], middle[name] - _HEIGHT / 2, _WIDTH, _HEIGHT) for name in layers}
    leaving = _ports(edges, layers, middle, 0, 1)
    entering = _ports(edges, layers, middle, 1, 0)
    paths, labels = {}, {}
    for edge in edges:
        caller, callee = edge
        if layers[caller] >= layers[callee]:
            paths[edge], labels[edge] = _bow(boxes[caller], boxes[callee])
            continue
        points = [(left[layers[caller]] + _WIDTH, leaving[edge])]
        for layer, across in layout.lanes[edge]:
            points += [(left[layer], _MARGIN + across), (left[layer] + _WIDTH, _MARGIN + across)]
        points.append((left[layers[callee]], entering[edge]))
        paths[edge] = _curve(points)
        labels[edge] = _label(points)
    bowed = any(layers[caller] >= layers[callee] for caller, callee in edges)
    return Places(
        width=2 * _MARGIN + len(left) * _WIDTH + (len(left) - 1) * _GAP,
        height=2 * _MARGIN + layout.extent + bowed * _BOW,
        boxes=boxes,
        paths=paths,
        labels=labels,
    )


def _names(sources: Sources) -> list[str]:
    return [service.name for service in sources.topology.services]


def _layers(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The layer of each service where only its calls are known: one more than that of its farthest caller."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(edges)
    rings = nx.condensation(graph)
    found: dict[str, int] = {}
    for ring in nx.topological_sort(rings):
        callers = [found[name] for before in rings.predecessors(ring) for name in rings.nodes[before]["members"]]
        found |= dict.fromkeys(rings.nodes[ring]["members"], max(callers, default=-1) + 1)
    return {name: found[name] for name in names}


def _ports(
    edges: Sequence[tuple[str, str]], layers: Mapping[str, int], middle: Mapping[str, float], side: int, other: int
) -> dict[tuple[str, str], float]:
    """Where edges meet a side of a box: spread around its middle, in the order of where they come from."""
    by_box: dict[str, list[tuple[str, str]]] = {}
    for edge in edges:
        if layers[edge[0]] < layers[edge[1]]:
            by_box.setdefault(edge[side], []).append(edge)
    ports = {}
    for name, own in by_box.items():
        step = min(9.0, (_HEIGHT - 16) / max(1, len(own) - 1))
        top = middle[name] - step * (len(own) - 1) / 2
        for position, edge in enumerate(sorted(own, key=lambda edge: middle[edge[other]])):
            ports[edge] = top + step * position
    return ports


def _curve(points: list[tuple[float, float]]) -> str:
    """A smooth line to the right through points, level at each."""
    (x0, y0), *others = points
    path = f"M{_px(x0)},{_px(y0)}"
    for x1, y1 in others:
        middle = _px((x0 + x1) / 2)
        path += f"C{middle},{_px(y0)} {middle},{_px(y1)} {_px(x1)},{_px(y1)}"
        x0, y0 = x1, y1
    return path


def _label(points: list[tuple[float, float]]) -> tuple[float, float]:
    """The middle of an edge's longest level stretch, or of its first curve, nearer to the caller."""
    if len(points) > 2:
        (x0, y0), (x1, _) = points[len(points) // 2 - 1 : len(points) // 2 + 1]
        return (x0 + x1) / 2, y0
    (x0, y0), (x1, y1) = points
    # A point of the curve: 28% of the way down where it's 38% of the way across.
    return x0 + 0.38 * (x1 - x0), y0 + 0.28 * (y1 - y0)


def _bow(
    caller: tuple[float, float, float, float], callee: tuple[float, float, float, float]
) -> tuple[str, tuple[float, float]]:
    """An edge that leads back, or stays in its layer: a bow from below one box to below the other, and its label."""
    (x0, y0), (x1, y1) = (
        (x + width * share, y + height) for (x, y, width, height), share in ((caller, 0.6), (callee, 0.4))
    )
    path = f"M{_px(x0)},{_px(y0)}C{_px(x0)},{_px(y0 + _BOW)} {_px(x1)},{_px(y1 + _BOW)} {_px(x1)},{_px(y1)}"
    return path, ((x0 + x1) / 2, (y0 + y1) / 2 + 0.75 * _BOW)


def _px(length: float) -> str:
    """A length to a tenth of a pixel, without needless zeros."""
    return f"{round(length, 1) + 0.0:g}"
