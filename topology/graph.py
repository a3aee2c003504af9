"""The mesh as a graph: of services, and of the operations that call each other.

Service graphs may have cycles (two services may use each other). In a cycle of operations one call must be bounded
(`Call.depth`), or a request would never end. The operation graph is then unrolled: an operation has one node for each
combination of bounded calls made on the way to it. Functions that follow calls to their end raise
`networkx.NetworkXUnfeasible` if there is a cycle without a bound.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from meshquake.topology.spec import Call, Entry, Link, Operation, Topology, Work, made, pieces

#: Most nodes of an operation graph in which bounded cycles are unrolled.
MOST_UNROLLED = 20_000
#: The bounded calls made on the way to an operation: each as caller and call, with how often it was made.
_Way = frozenset[tuple[tuple[str, Call], int]]


def name_of(node: Call | Entry) -> str:
    """Return the operation that a call or an entry names, as `service.operation`."""
    return f"{node.service}.{node.operation}"


def links(call: Call) -> Iterator[tuple[Link, float]]:
    """Yield a call and everything that may follow it, each with its chance of being reached in a healthy mesh.

    A lookup that hits ends the chain, so what comes after two lookups in a row is reached when both miss. In a healthy
    mesh no call fails.
    """
    reached = 1.0
    for link in (call, *call.on_miss, *call.on_success):
        if isinstance(link, Work):
            yield link, reached
            continue
        reached *= link.probability
        yield link, reached
        reached *= 1.0 - (link.hit_rate or 0.0)
    for link in call.on_failure:
        yield link, 0.0


def chain(call: Call) -> Iterator[tuple[Call, float]]:
    """Yield a call and the calls that may follow it, each with its chance of being made in a healthy mesh."""
    return ((link, chance) for link, chance in links(call) if isinstance(link, Call))


def calls_of(operation: Operation) -> Iterator[tuple[Call, float]]:
    """Yield every call that an operation may make, in order, with its mean number of times in a healthy mesh."""
    for call in made(operation.calls):
        for link, chance in chain(call):
            yield link, chance * call.times.expectation()


def own_work(operation: Operation) -> float:
    """Return the mean own work of an operation in a healthy mesh (seconds), between and after its calls too."""
    total = operation.work.expectation() + sum(piece.time.expectation() for piece in pieces(operation.calls))
    for call in made(operation.calls):
        for link, chance in links(call):
            if isinstance(link, Work):
                total += chance * call.times.expectation() * link.time.expectation()
    return total


def service_graph(topology: Topology) -> nx.DiGraph[str]:
    """Return the services in file order, with an edge from each caller to each callee.

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
    """Return the operations in file order, with an edge for each call.

    If calls are bounded, an operation has a node for each combination of bounded calls that leads to it, the empty one
    first. The graph stops growing at about `MOST_UNROLLED` nodes; it is incomplete then.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are named `service.operation`, followed by a number if bounded calls lead to them. They carry that `name`,
        their `service` and `operation` (of `topology.spec`), and `targets`, the nodes that their calls lead to, by
        call: a call whose bound is reached isn't made. Edges carry their `call`, its mean number of times each time
        that the caller runs in a healthy mesh (`chance`), and its largest (`most`).
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=topology.name)
    operations = {f"{each.name}.{one.name}": (each, one) for each in topology.services for one in each.operations}
    nodes: dict[tuple[str, _Way], str] = {}

    def node(name: str, way: _Way) -> str:
        if (name, way) not in nodes:
            nodes[name, way] = f"{name} {len(nodes)}" if way else name
            service, operation = operations[name]
            graph.add_node(nodes[name, way], name=name, service=service, operation=operation, targets={})
            waiting.append((name, way))
        return nodes[name, way]

    waiting: list[tuple[str, _Way]] = []
    for name in operations:
        node(name, frozenset())
    for name, way in waiting:  # grows during the loop
        if len(graph) > MOST_UNROLLED:
            break
        caller = nodes[name, way]
        service, operation = operations[name]
        heads = [(share, head) for share, each in service.variants(operation) for head in made(each.calls)]
        for share, head in heads:
            for call, chance in chain(head):
                further = _further(way, name, call)
                if further is not None:
                    target = graph.nodes[caller]["targets"][call] = node(name_of(call), further)
                    often, most = share * chance * head.times.expectation(), head.times.most
                    graph.add_edge(caller, target, call=call, chance=often, most=most)
    return graph


def _further(way: _Way, caller: str, call: Call) -> _Way | None:
    """Return the way extended by a call; None if the call's bound is reached."""
    if call.depth is None:
        return way
    seen = dict(way)
    count = seen.get((caller, call), 0)
    return None if count == call.depth else frozenset((seen | {(caller, call): count + 1}).items())


def cycles(topology: Topology) -> list[tuple[str, ...]]:
    """Return the cycles of operations without a bound: a shortest one for each set that all reach each other.

    Returns
    -------
    list of tuple of str
        Each cycle as the operations on it, starting with the one that comes first in the file, which is not repeated
        at the end. Empty if every request ends.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(f"{service.name}.{one.name}" for service in topology.services for one in service.operations)
    for service in topology.services:
        for operation in service.operations:
            calls = (name_of(call) for call, _ in calls_of(operation) if call.depth is None)
            graph.add_edges_from((f"{service.name}.{operation.name}", callee) for callee in calls)
    position = {node: index for index, node in enumerate(graph)}
    knots = [sorted(knot, key=position.__getitem__) for knot in nx.strongly_connected_components(graph)]
    found = []
    for first, *others in sorted(knots, key=lambda knot: position[knot[0]]):
        # Listing every cycle of a component could take exponential time; one is enough to refuse the file.
        ways = [nx.shortest_path(graph, after, first) for after in graph[first] if after == first or after in others]
        if ways:
            shortest = min(ways, key=len)
            found.append((first, *shortest[:-1]))
    return found


def depths(topology: Topology) -> dict[str, int]:
    """Return how deep each service lies: the longest chain of calls that leads to one of its operations.

    A service that nobody calls is at 0. A caller is less deep than its callees, except where services use each
    other in a cycle.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    graph = operation_graph(topology)
    deepest = {service.name: 0 for service in topology.services}
    for depth, generation in enumerate(nx.topological_generations(graph)):
        for node in generation:
            name = graph.nodes[node]["service"].name
            deepest[name] = max(deepest[name], depth)
    return deepest


def walk(topology: Topology) -> list[str]:
    """Return the services reachable from the entries, in depth-first order.

    This is the order in which they are met on the way down from the users; of several callees, the first in the file
    comes first.
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
    """Return the number of call sites in the tree that grows from each entry of the mix, the entry included.

    Operations that share callees make trees far larger than the graph, so they are counted without being built.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    graph = operation_graph(topology)
    sites: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        calls = graph.out_edges(node, data=True)
        versions = max(1, len(graph.nodes[node]["service"].versions))
        sites[node] = versions + sum(data["most"] * sites[callee] for _, callee, data in calls)
    return {name_of(entry): sites[name_of(entry)] for entry in topology.workload.mix}
