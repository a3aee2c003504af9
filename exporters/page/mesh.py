"""Layout of the mesh on the page: the position of each service and the route of each edge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meshquake.topology.picture import Style, draw, path
from meshquake.topology.spec import Topology

#: A box has room for a name, figures and a bar.
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
#: Margin at the right and the bottom, for the badges at the corners of boxes.
_MARGIN = 14


def mesh(topology: Topology, edges: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the positions of services, the routes of edges (caller and callee), and the kind of each service."""
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
