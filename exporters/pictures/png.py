"""The picture of a mesh as PNG, made from its SVG by the library that also makes the charts of reports."""

from __future__ import annotations

import re

import vl_convert

from meshquake.topology.picture import svg
from meshquake.topology.spec import Topology

#: Pixels of the picture for one of the drawing; fewer, but one at least, where there would be more than so many in all.
_SCALE, _PIXELS = 2.0, 4e7


def png(topology: Topology) -> bytes:
    """The picture as it is in SVG, twice as large in each direction.

    The same mesh gives the same bytes with the same version of vl-convert and the same fonts on the machine.
    """
    text = svg(topology)
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', text)
    assert found is not None
    scale = max(1.0, min(_SCALE, (_PIXELS / (int(found[1]) * int(found[2]))) ** 0.5))
    return vl_convert.svg_to_png(text, scale=scale)
