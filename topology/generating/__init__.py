"""Generated meshes, shaped like real ones: of any size, each a pure function of its seed.

`figures` has what was published about real call graphs, `layout` which services there are and whom they serve, `calls`
their operations and what those call, `fitting` how much of everything they take and how callers protect themselves,
`writing` the resulting file. The result is an ordinary topology file.
"""

from meshquake.topology.generating.generate import Order, generate

__all__ = ["Order", "generate"]
