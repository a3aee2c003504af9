"""Pictures of a mesh: `dot` for Graphviz, `svg` drawn here, and the drawing that all views of a mesh share."""

from meshquake.topology.picture.drawing import Box, Drawing, Line, draw
from meshquake.topology.picture.graphviz import dot
from meshquake.topology.picture.style import Style
from meshquake.topology.picture.svg import elements, legend, path, summary, svg

__all__ = ["Box", "Drawing", "Line", "Style", "dot", "draw", "elements", "legend", "path", "summary", "svg"]
