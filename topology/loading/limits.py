"""Refuses topology files that cannot be run: requests without an end, and meshes that are too large."""

from __future__ import annotations

from collections.abc import Sequence

from meshquake.topology.document import Document
from meshquake.topology.graph import MOST_UNROLLED, cycles, depths, name_of, operation_graph, sites_per_entry
from meshquake.topology.loading.calls import WrittenCall
from meshquake.topology.spec import Topology

#: Most call sites in the tree that grows from one entry; a run keeps all of them in memory.
MOST_SITES = 200_000
#: Most replicas, plus edges from each replica to the services it calls: all of them are kept in memory.
MOST_PARTS = 200_000
#: Longest chain of calls: their attempts are digits of one 64-bit number (`sim.engine`).
DEEPEST_CALLS = 15


def refuse_cycles(document: Document, topology: Topology, calls: Sequence[WrittenCall]) -> None:
    """Report each cycle of operations without a bound: a request might never end."""
    nodes = {(written.caller, name_of(written.call)): written.node for written in reversed(calls)}
    for cycle in cycles(topology):
        way = " -> ".join((*cycle, cycle[0]))
        form = f"give one of its calls a depth, as in {cycle[0]}: {{depth: 3}}"
        document.error(nodes[cycle[-1], cycle[0]], f"closes a cycle of calls: {way}; {form}")


def refuse_giants(document: Document, topology: Topology) -> None:
    """Report what is too large to run: replicas, and the calls of an entry; there must be no cycles."""
    replicas = {service.name: service.replicas for service in topology.services}
    parts = sum(replicas.values()) + sum(replicas[edge.caller] for edge in topology.edges)
    if parts > MOST_PARTS:
        message = f"has {parts} replicas and edges per replica in total; at most {MOST_PARTS} can be run"
        document.error(document.find("services"), message)
    if len(operation_graph(topology)) > MOST_UNROLLED:
        message = "its calls with a depth nest in too many ways to run: give some a smaller depth"
        document.error(document.find("services"), message)
        return
    service, depth = max(depths(topology).items(), key=lambda item: item[1])
    if depth > DEEPEST_CALLS:
        message = f"is {depth} calls deep; at most {DEEPEST_CALLS} are allowed"
        document.error(document.find(f"services.{service}"), message)
    for entry, sites in sites_per_entry(topology).items():
        if sites > MOST_SITES:
            message = f"one request may make more than {MOST_SITES} calls, which is too many to run"
            document.error(document.find(f"workload.mix.{entry}"), message)
