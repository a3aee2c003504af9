"""Pictures of a mesh, by file type. Those that need no more than the core are drawn in `topology.picture`."""

from __future__ import annotations

from meshquake.exporters import extras
from meshquake.topology import picture
from meshquake.topology.spec import Topology

#: Formats that need an extra, with what the error message calls them if it is missing.
_MODULES = {"png": "a PNG picture", "html": "a page with the picture"}


def made(kind: str, topology: Topology) -> str | bytes:
    """Draw a mesh as `dot`, `svg`, `png` or `html`.

    Raises
    ------
    extras.MissingExtraError
        If a library that the format needs is not installed.
    networkx.NetworkXUnfeasible
        If operations call each other in an unbounded cycle.
    """
    if kind in _MODULES:
        module = extras.load(f"meshquake.exporters.pictures.{kind}", "report", _MODULES[kind])
        content: str | bytes = getattr(module, kind)(topology)
        return content
    return {"dot": picture.dot, "svg": picture.svg}[kind](topology)
