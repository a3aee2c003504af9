"""A mesh, with what its checks need to know about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import networkx as nx

from meshquake.topology.deadlines import Deadlines, earliest
from meshquake.topology.distributions import Floats
from meshquake.topology.estimates import (
    Load,
    call_rates,
    expected_visits,
    node_visits,
    offered_load,
    response_times,
    round_trip,
)
from meshquake.topology.graph import name_of, operation_graph
from meshquake.topology.review.deployment import Deployment, deployments_of
from meshquake.topology.review.patience import Patience
from meshquake.topology.spec import Edge, Topology

#: A path in the document, and what is odd there.
Finding = tuple[str, str]

#: Share of healthy calls that may exceed their timeout.
TOO_SLOW = 0.01


@dataclass(frozen=True)
class Mesh:
    """A topology with what the checks need to know about it, each thing computed once."""

    topology: Topology
    operations: nx.MultiDiGraph[str]
    edges: dict[tuple[str, str], Edge]
    replicas: dict[str, int]
    #: Deployments, by service.
    deployments: dict[str, tuple[Deployment, ...]]
    visits: dict[str, float]
    rates: dict[tuple[str, str], float]
    response: dict[str, Floats]
    loads: dict[str, Load]
    #: By caller and callee, the calls per second that healthy requests make, by the callee's operation.
    calls: dict[tuple[str, str], dict[str, float]]
    #: How long operations wait for others by their own timeouts, and when their own callers give up on them.
    patience: Patience
    deadlines: Deadlines

    @classmethod
    def of(cls, topology: Topology) -> Mesh:
        operations = operation_graph(topology)
        edges = {(edge.caller, edge.callee): edge for edge in topology.edges}
        response = response_times(topology)
        topology = _paced(topology, response)
        visits = node_visits(topology, operations)
        loads = offered_load(topology, response)
        asked = {node: topology.workload.rate * times for node, times in visits.items()}
        calls: dict[tuple[str, str], dict[str, float]] = {pair: defaultdict(float) for pair in edges}
        for node, callee, data in operations.edges(data=True):
            if visits[node]:
                pair = operations.nodes[node]["service"].name, data["call"].service
                calls[pair][callee] += topology.workload.rate * visits[node] * data["chance"]
        return cls(
            topology=topology,
            operations=operations,
            edges=edges,
            replicas={service.name: service.replicas for service in topology.services},
            deployments={
                service.name: tuple(deployments_of(service, loads[service.name], operations, asked, response))
                for service in topology.services
            },
            visits=expected_visits(topology),
            rates=call_rates(topology),
            response=response,
            loads=loads,
            calls=calls,
            patience=Patience(operations, edges),
            deadlines=earliest(operations, edges),
        )

    @property
    def cores_taken(self) -> float:
        """Cores of all initial replicas."""
        return sum(service.replicas * service.cores for service in self.topology.services)

    def fewest(self, service: str) -> tuple[str, int]:
        """Return what callers choose among, and its most replicas: a service, or its smallest weighted version."""
        deployments = self.deployments[service]
        if deployments[0].service.weighted:
            smallest = min(deployments, key=lambda each: each.most)
            return smallest.name, smallest.most
        return service, sum(each.most for each in deployments)

    def rate_per_replica(self, edge: Edge) -> float:
        """Return the healthy calls per second that one replica of the caller makes on an edge."""
        return self.rates[edge.caller, edge.callee] / self.replicas[edge.caller]

    def name(self, node: str) -> str:
        """Return a node's operation as users know it."""
        name: str = self.operations.nodes[node]["name"]
        return name

    def times(self, edge: Edge) -> dict[str, Floats]:
        """Return healthy times of the calls on an edge, as the caller sees them, by the callee's operation."""
        return {callee: round_trip(edge, self.response[callee]) for callee in self.calls[edge.caller, edge.callee]}

    def concurrency(self, edge: Edge) -> float:
        """Return the mean number of calls that one replica of the caller has in flight on an edge (Little's law)."""
        calls = self.calls[edge.caller, edge.callee]
        busy = sum(calls[callee] * float(times.mean()) for callee, times in self.times(edge).items())
        return busy / self.replicas[edge.caller]


def path_of(edge: Edge, policy: str) -> str:
    """Return the path of an edge's policy in a document."""
    return f"edges.{edge.caller} -> {edge.callee}.{policy}"


def _paced(topology: Topology, response: Mapping[str, Floats]) -> Topology:
    """Return a topology in which closed populations make as many requests as they do when answers are healthy."""
    workload = topology.workload
    if not any(population.users for population in workload.populations):
        return topology
    times = {name_of(entry): float(response[name_of(entry)].mean()) for entry in workload.mix}
    rates = dict.fromkeys(times, 0.0)
    for population in workload.populations:
        for name, expected in population.expected(times).items():
            rates[name] += expected
    mix = tuple(replace(entry, weight=rates[name_of(entry)]) for entry in workload.mix)
    return replace(topology, workload=replace(workload, rate=sum(rates.values()), mix=mix))
