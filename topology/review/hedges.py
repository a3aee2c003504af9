"""Hedges that come too late, come too often, or have no other replica to go to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from meshquake.topology.deadlines import own_limit
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.units import duration, ratio

#: Share of healthy calls that may be hedged: hedges are for slow calls.
_USUAL = 0.25


def idle(mesh: Mesh) -> Iterator[Finding]:
    """Hedges whose delay is as long as the caller waits."""
    for edge in mesh.topology.edges:
        hedge, patience = edge.hedge, own_limit(edge)
        if hedge is not None and hedge.percentile is None and hedge.delay >= patience:
            yield (
                path_of(edge, "hedge"),
                f"never hedges: it waits {duration(hedge.delay)}, but a call is given up after {duration(patience)}",
            )


def eager(mesh: Mesh) -> Iterator[Finding]:
    """Hedges that healthy calls trigger, unless they are meant to follow at once."""
    for edge in mesh.topology.edges:
        hedge, calls = edge.hedge, mesh.calls[edge.caller, edge.callee]
        if hedge is None or hedge.percentile is not None or not hedge.delay or not calls:
            continue
        total = sum(calls.values())
        slow = {callee: float(np.mean(times > hedge.delay)) for callee, times in mesh.times(edge).items()}
        share = sum(calls[callee] * slow[callee] for callee in calls) / total
        if share >= _USUAL:
            yield (
                path_of(edge, "hedge"),
                f"hedges {ratio(share, digits=2)} of the healthy calls: they take longer than {duration(hedge.delay)}",
            )


def alone(mesh: Mesh) -> Iterator[Finding]:
    """Hedges, and attempts that should go elsewhere, where there is only one replica."""
    kinds = {service.name: service.kind for service in mesh.topology.services}
    for edge in mesh.topology.edges:
        # An external service stands for an unknown number of replicas.
        if kinds[edge.callee] == "external" or (edge.hedge is None and not (edge.avoid_tried and edge.retry)):
            continue
        callee, replicas = mesh.fewest(edge.callee)
        if replicas == 1 and edge.hedge is not None:
            yield path_of(edge, "hedge"), f"hedges to the same replica: {callee} has only one"
        elif replicas == 1:
            yield path_of(edge, "avoid_tried"), f"does nothing: {callee} has only one replica"
