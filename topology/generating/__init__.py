"""Meshes that nobody built, shaped like real ones: of any size, each a pure function of its seed.

`figures` has what was published about real call graphs, `layout` who is there and for whom, `calls` what they can do
and what that calls, `fitting` how much of everything it takes and how callers protect themselves, `writing` the file
that is made of it. What comes out is an ordinary topology file.
"""

from meshquake.topology.generating.generate import Order, generate

__all__ = ["Order", "generate"]
