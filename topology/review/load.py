"""Services that the usual load keeps too busy."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import rate, ratio

#: Load that leaves little room for a burst: M/M/1 then answers 1 / (1 - 0.85) = 7 times slower than when idle.
_HEADROOM = 0.85


def overloaded(mesh: Mesh) -> Iterator[Finding]:
    """Services that the usual load keeps too busy."""
    for service in mesh.topology.services:
        name, load = service.name, mesh.loads[service.name]
        what = "cores" if load.cores >= load.workers else "workers"
        offered = load.offered
        if service.autoscale is not None:
            # What counts is how far it can be scaled.
            offered *= service.replicas / max(service.replicas, service.autoscale.maximum)
            what += f" with {service.autoscale.maximum} replicas"
        calls, share = rate(load.rate, digits=2), ratio(offered, digits=2)
        if offered >= 1:
            yield f"services.{name}", f"overloaded even when healthy: {calls} need {share} of its {what}"
        elif offered >= _HEADROOM:
            yield f"services.{name}", f"little headroom: {calls} keep {share} of its {what} busy"
