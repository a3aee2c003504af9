"""The picture of a mesh as PNG, rendered from its SVG by the library that also draws the charts of reports."""

from __future__ import annotations

import re

import vl_convert

from meshquake.topology.picture import svg
from meshquake.topology.spec import Topology

#: Scale of the picture, which is reduced, but to no less than 1, if it would exceed this number of pixels.
_SCALE, _PIXELS = 2.0, 4e7


def png(topology: Topology) -> bytes:
    """Render the SVG picture at twice its size.

    The same mesh gives the same bytes, given the same version of vl-convert and the same fonts.
    """
    text = svg(topology)
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', text)
    assert found is not None
    scale = max(1.0, min(_SCALE, (_PIXELS / (int(found[1]) * int(found[2]))) ** 0.5))
    return vl_convert.svg_to_png(text, scale=scale)
