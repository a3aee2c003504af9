"""Pictures of a mesh: `text` for a terminal, `dot` for Graphviz, `svg` drawn here."""

from topology.picture.drawing import svg
from topology.picture.graphviz import dot
from topology.picture.outline import text

__all__ = ["dot", "svg", "text"]
