"""Pictures of a mesh: `dot` for Graphviz, `svg` drawn here."""

from meshquake.topology.picture.drawing import svg
from meshquake.topology.picture.graphviz import dot

__all__ = ["dot", "svg"]
