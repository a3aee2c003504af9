"""Outlier detection that ejects nothing."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh, path_of


def toothless(mesh: Mesh) -> Iterator[Finding]:
    """Outlier detection with all rules off."""
    for edge in mesh.topology.edges:
        outlier = edge.outlier
        if outlier is not None and not any(
            (outlier.consecutive, outlier.gateway, outlier.success_rate, outlier.failure_share)
        ):
            yield path_of(edge, "outlier"), "ejects nothing: all its rules are off"
