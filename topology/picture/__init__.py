"""Pictures of a mesh: `text` for a terminal, `dot` for Graphviz, `svg` drawn here."""

from meshquake.topology.picture.drawing import svg
from meshquake.topology.picture.graphviz import dot
from meshquake.topology.picture.outline import text

__all__ = ["dot", "svg", "text"]
