"""The description of a whole mesh: all its parts."""

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
    """Describe a mesh for people. It fits into 100 columns unless names are long or edges have many policies.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in an unbounded cycle.
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
    """Sum up the mesh in a line: its name and the size of it."""
    operations = sum(len(service.operations) for service in topology.services)
    return (
        f"{topology.name}: {counted(len(topology.services), 'service')}, {counted(operations, 'operation')}, "
        f"{counted(len(topology.edges), 'edge')}"
    )


def _heading(topology: Topology) -> Iterator[str]:
    """Yield the summary line, the SLO, and the cores of the cluster."""
    digits = 3 if topology.workload.populations else None  # the rate of populations is an estimate
    yield f"{counts(topology)}, {rate(topology.workload.rate, digits=digits)} from users"
    promise = topology.workload.objective
    share, window, within = ratio(promise.share), duration(promise.window), duration(promise.within)
    yield f"Objective: of the requests in any {window}, {share} succeed within {within}"
    if topology.room < inf:
        taken = sum(service.replicas * service.cores for service in topology.services)
        yield f"Cluster: {number(topology.room)} cores, of which replicas have {number(taken)} at first"
