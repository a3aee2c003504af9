"""Weights that look like shares of a whole but don't add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshquake.topology.distributions import Distribution, Mixture
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.spec import following, pieces
from meshquake.topology.units import number, ratio

#: How far a sum may be from a whole and still seem to be meant as one.
_NEAR = 0.2
#: Smaller deviations are rounding errors of numbers such as 0.1.
_ROUNDING = 1e-6


def uneven(mesh: Mesh) -> Iterator[Finding]:
    """Versions and mixtures whose weights nearly add up to 1 or 100."""
    for service in mesh.topology.services:
        weights = [version.weight for version in service.versions if version.weight is not None]
        if _off(weights, 100) or _off(weights, 1):
            yield (
                f"services.{service.name}.versions",
                f"their weights add up to {number(sum(weights), digits=4)}: the first gets "
                f"{ratio(weights[0] / sum(weights), digits=3)} of the calls",
            )
    for path, times in _distributions(mesh):
        for part in times.walk():
            weights = list(part.weights) if isinstance(part, Mixture) else []
            if _off(weights, 1):
                yield (
                    path,
                    f"the weights of its mixture add up to {ratio(sum(weights), digits=4)}: the first part gets "
                    f"{ratio(weights[0] / sum(weights), digits=3)}",
                )


def _off(weights: Iterable[float], whole: float) -> bool:
    """Whether a sum is close to the whole but not equal to it."""
    return _ROUNDING < abs(sum(weights) / whole - 1) <= _NEAR


def _distributions(mesh: Mesh) -> Iterator[tuple[str, Distribution]]:
    """Yield the distributions of time in a mesh, each with its path."""
    for service in mesh.topology.services:
        for operation in service.operations:
            path = f"services.{service.name}.operations.{operation.name}"
            yield f"{path}.work", operation.work
            yield from ((f"{path}.calls", piece.time) for piece in pieces(operation.calls))
            yield from ((f"{path}.calls", piece.time) for piece in following(operation.calls))
    for edge in mesh.topology.edges:
        yield path_of(edge, "latency"), edge.latency
    for population in mesh.topology.workload.populations:
        for name in ("think_time", "away", "patience", "retry_after"):
            times = getattr(population, name)
            if times is not None:
                yield f"workload.populations.{population.name}.{name}", times
