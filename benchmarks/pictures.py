"""Quality of mesh drawings: line crossings and lines through boxes, next to layout libraries if installed.

    python -m meshquake.benchmarks.pictures [MESH ...]      # names or files; default: three sizes
    pip install graphlay igraph                             # those that decision 23 tells of

A crossing of lines that share a path counts once: a stroke is a line from service to service, or one curve of ours.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from types import ModuleType

import networkx as nx
import numpy as np

from meshquake.topology import loader
from meshquake.topology.picture import draw
from meshquake.topology.picture.labels import Point, point
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload

Frame = tuple[float, float, float, float]
#: The frames of boxes by service, the lines from service to service, and the strokes.
Picture = tuple[dict[str, Frame], dict[tuple[str, str], list[Point]], list[list[Point]]]
_WIDTH, _HEIGHT = 150.0, 44.0


def made(count: int) -> Topology:
    """Generate a mesh of this many services: gateways, domains of services, hubs, private stores and shared ones."""
    chance = random.Random(count)
    gates = [f"gateway-{number}" for number in range(max(1, count // 100))]
    hubs = ["config", "auth", "audit"]
    domains = [[f"area-{area}-{step}" for step in range(8)] for area in range(max(1, count * 11 // 160))]
    inner = [name for domain in domains for name in domain]
    pairs: dict[tuple[str, str], None] = {}
    for number, domain in enumerate(domains):
        pairs[gates[number % len(gates)], domain[0]] = None
        for step in range(1, len(domain)):
            pairs[domain[max(0, step - chance.choice((1, 1, 2)))], domain[step]] = None
    for name in inner:
        if chance.random() < 0.3:
            pairs[name, chance.choice(hubs)] = None
        if chance.random() < 0.12 and (other := chance.choice(inner)) != name:
            pairs[name, other] = None
    stores = [f"store-{number}" for number in range(count - len(gates) - len(hubs) - len(inner))]
    for number, store in enumerate(stores):
        for user in chance.sample(inner, 4) if number % 9 == 8 else [inner[number % len(inner)]]:
            pairs[user, store] = None
    names = [*gates, *inner, *hubs, *stores]
    place = {name: number for number, name in enumerate(names)}
    services = []
    for name in names:
        called = [callee for caller, callee in pairs if caller == name]
        calls = tuple((Call(callee, "go" if place[callee] > place[name] else "end"),) for callee in called)
        kind = "gateway" if name in gates else "database" if name in stores else "service"
        services.append(Service(name, kind=kind, operations=(Operation("go", calls=calls), Operation("end"))))
    mix = tuple(Entry(name, "go", 1.0) for name in gates)
    edges = tuple(Edge(*pair) for pair in pairs)
    return Topology(f"made-{count}", tuple(services), edges, Workload(rate=100.0, mix=mix))


# -- layouts -----------------------------------------------------------------------------------------------------------


def ours(mesh: Topology) -> Picture:
    drawing = draw(mesh)
    frames = {box.service: (box.x, box.y, box.right, box.y + box.height) for box in drawing.boxes}
    lines: dict[tuple[str, str], list[Point]] = {}
    pieces: dict[frozenset[Point], list[Point]] = {}
    for line in drawing.lines:
        if line.course in ("users", "itself"):
            continue
        curves = [line.curve[begin : begin + 4] for begin in range(0, len(line.curve) - 1, 3)]
        for curve in curves:
            pieces[frozenset(curve)] = [point(curve, share / 16) for share in range(17)]
        lines[line.caller, line.callee] = [each for curve in curves for each in pieces[frozenset(curve)]]
    return frames, lines, list(pieces.values())


def graphlay(library: ModuleType, style: str) -> Callable[[Topology], Picture]:
    def layout(mesh: Topology) -> Picture:
        names, pairs = _parts(mesh)
        nodes = [{"size": {"width": _WIDTH, "height": _HEIGHT}, "shape": "box", "key": name} for name in names]
        edges = [{"source": names.index(a), "target": names.index(b), "weight": 1.0} for a, b in pairs]
        options = {"effort": "fast", "routing": {"style": style}, "direction": "leftright"}
        found = library.layout({"nodes": nodes, "edges": edges}, options=options)
        centres = [(node["center"]["x"], node["center"]["y"]) for node in found.nodes]
        lines = [[(each["x"], each["y"]) for each in edge["points"]] for edge in found.edges]
        return _picture(names, centres, dict(zip(pairs, lines, strict=True)))

    return layout


def igraph(library: ModuleType) -> Callable[[Topology], Picture]:
    def layout(mesh: Topology) -> Picture:
        names, pairs = _parts(mesh)
        edges = [(names.index(a), names.index(b)) for a, b in pairs]
        graph = library.Graph(n=len(names), edges=edges, directed=True)
        centres = [(y, x) for x, y in graph.layout_sugiyama(hgap=64, vgap=282, maxiter=100).coords[: len(names)]]
        return _picture(
            names, centres, {pair: [centres[a], centres[b]] for pair, (a, b) in zip(pairs, edges, strict=True)}
        )

    return layout


def _parts(mesh: Topology) -> tuple[list[str], list[tuple[str, str]]]:
    pairs = [(edge.caller, edge.callee) for edge in mesh.edges if edge.caller != edge.callee]
    return [service.name for service in mesh.services], pairs


def _picture(names: Sequence[str], centres: Sequence[Point], lines: dict[tuple[str, str], list[Point]]) -> Picture:
    x, y = _WIDTH / 2, _HEIGHT / 2
    frames = {name: (a - x, b - y, a + x, b + y) for name, (a, b) in zip(names, centres, strict=True)}
    return frames, lines, list(lines.values())


# -- measures ----------------------------------------------------------------------------------------------------------


def crossed(strokes: Sequence[Sequence[Point]]) -> int:
    """Count pairs of strokes that cross anywhere but at their ends."""
    owner = np.array([number for number, stroke in enumerate(strokes) for _ in pairwise(stroke)])
    ends = np.array([(*a, *b) for stroke in strokes for a, b in pairwise(stroke)])
    found: set[tuple[int, int]] = set()
    for number, (x0, y0, x1, y1) in enumerate(ends):
        rest = ends[number + 1 :]
        near = (rest[:, [0, 2]].min(axis=1) < max(x0, x1)) & (rest[:, [0, 2]].max(axis=1) > min(x0, x1))
        a, b, c, d = rest[near].T
        one = ((x1 - x0) * (b - y0) - (y1 - y0) * (a - x0)) * ((x1 - x0) * (d - y0) - (y1 - y0) * (c - x0))
        two = ((c - a) * (y0 - b) - (d - b) * (x0 - a)) * ((c - a) * (y1 - b) - (d - b) * (x1 - a))
        others = owner[number + 1 :][near][(one < -1e-9) & (two < -1e-9)]
        found |= {(int(owner[number]), int(other)) for other in others if other != owner[number]}
    return len(found)


def through(frames: dict[str, Frame], lines: dict[tuple[str, str], list[Point]]) -> int:
    """Count boxes of other services that lines run through, summed over all lines."""
    names = list(frames)
    left, top, right, bottom = np.array(list(frames.values())).T
    count = 0
    for pair, line in lines.items():
        steps = [_between(a, b) for a, b in pairwise(line)]
        x, y = np.concatenate(steps).T
        inside = (left + 1 < x[:, None]) & (x[:, None] < right - 1) & (top + 1 < y[:, None]) & (y[:, None] < bottom - 1)
        count += sum(names[number] not in pair for number in np.flatnonzero(inside.any(axis=0)))
    return count


def _between(begin: Point, end: Point) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return points on a straight line, 4 pixels apart."""
    number = int(max(abs(end[0] - begin[0]), abs(end[1] - begin[1])) // 4) + 2
    return np.linspace(begin, end, number)


def overlapping(frames: dict[str, Frame]) -> int:
    """Count pairs of boxes that overlap."""
    pairs = combinations(frames.values(), 2)
    return sum(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a, b in pairs)


def layouts() -> Iterator[tuple[str, Callable[[Topology], Picture]]]:
    """Lay the mesh out with ours and with each installed library."""
    yield "ours", ours
    try:
        import graphlay as library

        yield "graphlay, diagonal", graphlay(library, "diagonal")
        yield "graphlay, orthogonal", graphlay(library, "orthogonal")
    except ImportError:
        pass
    try:
        import igraph as library

        yield "igraph", igraph(library)
    except ImportError:
        pass


def main(names: Sequence[str]) -> None:
    meshes = [loader.load(loader.named(Path(name))).topology for name in names or ["train-ticket"]]
    for mesh in [*meshes, *([] if names else [made(100), made(500)])]:
        print(f"{mesh.name}: {len(mesh.services)} services, {nx.number_of_edges(nx.DiGraph(_parts(mesh)[1]))} edges")
        for name, layout in layouts():
            begun = time.process_time()
            frames, lines, strokes = layout(mesh)
            took = time.process_time() - begun
            wide = max(frame[2] for frame in frames.values()) - min(frame[0] for frame in frames.values())
            high = max(frame[3] for frame in frames.values()) - min(frame[1] for frame in frames.values())
            print(
                f"  {name:22}{crossed(strokes):7,} crossings {through(frames, lines):5,} through boxes "
                f"{overlapping(frames):3} overlap {wide:7,.0f} x {high:<7,.0f}{took:7.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
