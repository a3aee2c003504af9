"""The mesh as a graph: of services, and of the operations that call each other.

Service graphs may have cycles (two services may use each other); a graph of operations may not, or a request would
never end. Functions that follow calls to their end say so with `networkx.NetworkXUnfeasible` when there is a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from meshquake.topology.spec import Call, Entry, Operation, Topology


def name_of(node: Call | Entry) -> str:
    """The operation that a call or an entry names, as `service.operation`."""
    return f"{node.service}.{node.operation}"


def chain(call: Call) -> Iterator[tuple[Call, float]]:
    """A call and those that follow it on a miss, each with its chance of being made in a healthy mesh.

    A lookup that hits ends the chain, so calls behind two lookups in a row are made when both miss.
    """
    reached = 1.0
    for link in (call, *call.on_miss):
        reached *= link.probability
        yield link, reached
        reached *= 1.0 - (link.hit_rate or 0.0)


def calls_of(operation: Operation) -> Iterator[tuple[Call, float]]:
    """Every call that an operation may make, in order, with its chance of being made in a healthy mesh."""
    for group in operation.calls:
        for call in group:
            yield from chain(call)


def service_graph(topology: Topology) -> nx.DiGraph[str]:
    """The services in file order, with an edge from each caller to each callee.

    Returns
    -------
    networkx.DiGraph
        Nodes carry their `service` (`topology.spec.Service`), edges their `edge` (`topology.spec.Edge`).
    """
    graph: nx.DiGraph[str] = nx.DiGraph(name=topology.name)
    for service in topology.services:
        graph.add_node(service.name, service=service)
    for edge in topology.edges:
        graph.add_edge(edge.caller, edge.callee, edge=edge)
    return graph


def operation_graph(topology: Topology) -> nx.MultiDiGraph[str]:
    """The operations in file order, with an edge for each call.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are `service.operation` and carry their `service` and `operation` (of `topology.spec`); edges carry
        their `call` and its `chance` of being made in a healthy mesh each time that the caller runs.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=topology.name)
    for service in topology.services:
        for operation in service.operations:
            graph.add_node(f"{service.name}.{operation.name}", service=service, operation=operation)
    for service in topology.services:
        for operation in service.operations:
            for share, variant in service.variants(operation):
                for call, chance in calls_of(variant):
                    graph.add_edge(f"{service.name}.{operation.name}", name_of(call), call=call, chance=share * chance)
    return graph


def cycles(topology: Topology) -> list[tuple[str, ...]]:
    """Cycles among the operations: for each set of operations that all reach each other, a shortest one.

    Returns
    -------
    list of tuple of str
        Each cycle as the operations on it, from the one that comes first in the file; that one is not repeated at
        the end. Empty if every request ends.
    """
    graph = operation_graph(topology)
    position = {node: index for index, node in enumerate(graph)}
    knots = [sorted(knot, key=position.__getitem__) for knot in nx.strongly_connected_components(graph)]
    found = []
    for first, *others in sorted(knots, key=lambda knot: position[knot[0]]):
        # Listing every cycle of a knot could take exponential time; one is enough to refuse the file.
        ways = [nx.shortest_path(graph, after, first) for after in graph[first] if after == first or after in others]
        if ways:
            shortest = min(ways, key=len)
            found.append((first, *shortest[:-1]))
    return found


def depths(topology: Topology) -> dict[str, int]:
    """How deep each service lies: the longest chain of calls that leads to one of its operations.

    A service that nobody calls is at 0. A caller is less deep than its callees, except where services use each
    other in a circle.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle.
    """
    graph = operation_graph(topology)
    deepest = {service.name: 0 for service in topology.services}
    for depth, generation in enumerate(nx.topological_generations(graph)):
        for node in generation:
            name = graph.nodes[node]["service"].name
            deepest[name] = max(deepest[name], depth)
    return deepest


def walk(topology: Topology) -> list[str]:
    """The services that calls lead to from the entries, each followed by those it calls that did not come before.

    It's the order in which one meets them going down from the users; of several callees the first in the file is next.
    """
    graph = service_graph(topology)
    position = {name: index for index, name in enumerate(graph)}
    met: dict[str, None] = {}
    for entry in sorted({entry.service for entry in topology.workload.mix}, key=position.__getitem__):
        downward = nx.dfs_preorder_nodes(
            graph, entry, sort_neighbors=lambda callees: sorted(callees, key=position.__getitem__)
        )
        met |= dict.fromkeys(downward)
    return list(met)


def sites_per_entry(topology: Topology) -> dict[str, int]:
    """The number of call sites in the tree that grows from each entry of the mix, itself included.

    Operations that share callees make trees far larger than the graph, so this is counted without growing them.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle.
    """
    graph = operation_graph(topology)
    sites: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        sites[node] = max(1, len(graph.nodes[node]["service"].versions)) + sum(
            sites[callee] for _, callee in graph.out_edges(node)
        )
    return {name_of(entry): sites[name_of(entry)] for entry in topology.workload.mix}
