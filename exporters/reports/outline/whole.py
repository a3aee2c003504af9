"""A whole mesh: its parts one after another."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from meshquake.exporters.blocks import Block
from meshquake.exporters.reports.outline.calls import entries
from meshquake.exporters.reports.outline.edges import edges
from meshquake.exporters.reports.outline.environment import environment
from meshquake.exporters.reports.outline.services import services
from meshquake.exporters.reports.outline.users import populations
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted, duration, number, rate, ratio


def blocks(topology: Topology) -> list[Block]:
    """The mesh for people: in 100 columns unless its names are long, or it has many policies.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    parts: list[list[Block]] = [
        list(_heading(topology)),
        services(topology),
        populations(topology),
        list(entries(topology)),
        edges(topology),
        environment(topology),
    ]
    return [block for part in parts if part for block in ("", *part)][1:]


def counts(topology: Topology) -> str:
    """The mesh in a line: its name, and how much there is in it."""
    operations = sum(len(service.operations) for service in topology.services)
    return (
        f"{topology.name}: {counted(len(topology.services), 'service')}, {counted(operations, 'operation')}, "
        f"{counted(len(topology.edges), 'edge')}"
    )


def _heading(topology: Topology) -> Iterator[str]:
    """The mesh in a line, what its users are promised, and what room there is."""
    digits = 3 if topology.workload.populations else None  # which is an estimate
    yield f"{counts(topology)}, {rate(topology.workload.rate, digits=digits)} from users"
    promise = topology.workload.objective
    share, window, within = ratio(promise.share), duration(promise.window), duration(promise.within)
    yield f"Objective: of the requests in any {window}, {share} succeed within {within}"
    if topology.room < inf:
        taken = sum(service.replicas * service.cores for service in topology.services)
        yield f"Cluster: {number(topology.room)} cores, of which replicas have {number(taken)} at first"
