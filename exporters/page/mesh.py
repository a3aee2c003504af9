"""The mesh as it is drawn on the page: where each service stands and how each edge runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meshquake.topology.picture import Style, draw, path
from meshquake.topology.spec import Topology

#: There is room in a box for a name, for figures and for a bar.
_STYLE = Style(
    most=float("inf"),
    box=52,
    name=13,
    small=11,
    captions=False,
    rates=True,
    spacing=24,
    lane=18,
    gutter=96,
    door=0,
    letters=18,
    leaf=0,
    narrowest=148,
    label=84,
)
#: Right of the last column and below all, for the badges at the corners of boxes.
_MARGIN = 14


def mesh(topology: Topology, edges: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The places of services and of edges (caller and callee), and what kind each service is of."""
    drawing = draw(topology, dict.fromkeys(edges, 1.0), _STYLE)
    return {
        "name": topology.name,
        "width": drawing.width + _MARGIN,
        "height": drawing.height,
        "services": [
            {
                "name": service.name,
                "kind": service.kind,
                "replicas": service.replicas,
                "box": (box.x, box.y, box.width, box.height),
            }
            for service, box in zip(topology.services, drawing.boxes, strict=True)
        ],
        "edges": [
            {"caller": line.caller, "callee": line.callee, "path": path(line.curve), "at": line.label}
            for line in drawing.lines
            if line.caller
        ],
    }
