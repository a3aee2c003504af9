"""Where a mesh can deadlock: services in a cycle hold workers for each other, and no deadline frees one.

A worker is held until the calls of its request are answered, and a call may have to wait for a worker of its callee. If
every worker of a service can be held by a call that waits, through a chain of callees, for one of these same workers,
all of them may wait for ever. A timeout on a call of the cycle breaks it. So does a limit on calls (a bulkhead, a pool,
or the callee's capacity) that leaves the caller a worker, since calls beyond the limit are refused soon. A circuit
breaker does not: it counts calls that end. An inherited deadline breaks the cycle, and so does cancellation of the
caller, if all its callers give up eventually.

So deadlocks are cycles in a graph of services and of operations that run. A service leads to its operations that wait
without a deadline, since they may hold its workers. Such an operation leads to the operations that it calls, which run,
and to their services, in whose queues its calls may wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import networkx as nx

from meshquake.topology.deadlines import latest
from meshquake.topology.graph import chain, name_of, operation_graph
from meshquake.topology.naming import parts
from meshquake.topology.spec import Call, Edge, Operation, Service, Topology, made


@dataclass(frozen=True)
class Wait:
    """All workers of a service, held by waiting operations: the first is the service's own, and each calls the next."""

    service: str
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Deadlock:
    """Services that may wait for each other for ever.

    Attributes
    ----------
    circle
        A shortest cycle: each service waits for a worker of the next one, and the last for one of the first.
    services
        The number of services that wait in cycles linked with this one.
    edge
        The first call of the cycle, as caller and callee.
    """

    circle: tuple[Wait, ...]
    services: int
    edge: tuple[str, str]


def deadlocks(topology: Topology) -> Iterator[Deadlock]:
    """Yield the possible deadlocks of a mesh: one for each set of services that may all wait for each other."""
    yield from _Waits(topology).knots()


class _Waits:
    """The services and operations that requests may leave waiting for each other without a deadline."""

    def __init__(self, topology: Topology) -> None:
        self._services = {service.name: service for service in topology.services}
        self._edges = {(edge.caller, edge.callee): edge for edge in topology.edges}
        self._graph: nx.DiGraph[str] = nx.DiGraph()
        #: Services whose replicas always have a worker left, and how many workers of each replica may be held.
        self._spared: dict[str, int] = {}
        operations = {f"{each.name}.{op.name}": (each, op) for each in topology.services for op in each.operations}
        waiting = [name_of(entry) for entry in topology.workload.mix if entry.weight]
        self._endless = set(_endless(operation_graph(topology), self._edges, waiting))
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            service, operation = operations[node]
            for call in (call for _, variant in service.variants(operation) for call in _calls(variant)):
                self._add(service, node, call)
                if name_of(call) not in seen:
                    seen.add(name_of(call))
                    waiting.append(name_of(call))

    def _add(self, service: Service, node: str, call: Call) -> None:
        if (node, call.service) not in self._endless:
            return
        if service.handlers == "threads":
            self._graph.add_edge(service.name, node)
        self._graph.add_edge(node, name_of(call))
        if self._services[call.service].queue.limit:
            self._graph.add_edge(node, call.service)

    def knots(self) -> Iterator[Deadlock]:
        """Yield a deadlock for each set of nodes that all reach each other, in file order."""
        found = self._within(self._graph)
        position = {name: index for index, name in enumerate(self._services)}
        yield from sorted(found, key=lambda deadlock: position[deadlock.circle[0].service])

    def _within(self, graph: nx.DiGraph[str]) -> Iterator[Deadlock]:
        for nodes in list(nx.strongly_connected_components(graph)):
            if len(nodes) == 1:
                continue
            knot = graph.subgraph(nodes)
            held = {name: self._held(knot, name) for name in nodes if name in self._services}
            spared = {name: most for name, most in held.items() if most < self._services[name].workers}
            if spared:
                self._spared |= spared
                yield from self._within(knot.subgraph(nodes - spared.keys()))
            else:
                yield self._deadlock(knot)

    def _held(self, knot: nx.DiGraph[str], service: str) -> int:
        """Return how many workers of a replica may be held by calls that wait within a knot."""
        callees = {self._service_of(node) for operation in knot[service] for node in knot[operation]}
        return sum(self._most(self._edges[service, callee]) for callee in callees)

    def _service_of(self, node: str) -> str:
        return parts(node, self._services)[0]

    def _most(self, edge: Edge) -> int:
        """Return how many calls a replica of the caller may have in flight for long on an edge; more are refused."""
        callee = self._services[edge.callee]
        # While a worker stays free, nothing queues for long.
        limits = [callee.replicas * self._spared.get(callee.name, callee.workers + callee.queue.limit)]
        if edge.bulkhead is not None:
            limits.append(edge.bulkhead.max_concurrent)
        if edge.pool is not None:
            limits.append(edge.pool.size * edge.pool.streams)
        return min(limits)

    def _deadlock(self, knot: nx.DiGraph[str]) -> Deadlock:
        names = [name for name in self._services if name in knot]
        first = names[0]
        ways = (nx.shortest_path(knot, operation, first) for operation in knot[first])
        nodes = [first, *min(ways, key=len)]
        starts = [index for index, node in enumerate(nodes) if node in self._services]
        circle = tuple(Wait(nodes[start], tuple(nodes[start + 1 : end])) for start, end in pairwise(starts))
        return Deadlock(circle, len(names), (first, self._service_of(nodes[2])))


def _endless(
    graph: nx.MultiDiGraph[str], edges: Mapping[tuple[str, str], Edge], entries: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield operations with the services that they may wait for without a deadline."""
    deadlines = latest(graph, edges, entries)
    for node, at in graph.nodes(data=True):
        for call in at["targets"]:
            if deadlines.of(node, edges[at["service"].name, call.service]) == inf:
                yield at["name"], call.service


def _calls(operation: Operation) -> Iterator[Call]:
    """Yield the calls that an operation may make.

    They include the calls that follow lookups which should always hit: a lookup may fail.
    """
    for call in made(operation.calls):
        if call.probability:
            yield from (link for link, _ in chain(call))
