"""Hedges that come too late."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.deadlines import own_limit
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import duration


def too_late(mesh: Mesh) -> Iterator[Finding]:
    """Hedges that wait as long as their caller does."""
    for edge in mesh.topology.edges:
        hedge = edge.hedge
        patience = own_limit(edge)
        if hedge is not None and hedge.percentile is None and hedge.delay >= patience:
            yield (
                path_of(edge, "hedge"),
                f"hedges no slow call: it waits {duration(hedge.delay)}, and a call is given up after "
                f"{duration(patience)}",
            )
