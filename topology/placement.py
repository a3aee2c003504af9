"""Which node each replica runs on: a pure function of the mesh, for all who ask, at any time.

A scheduler spreads replicas: Kubernetes' prefers the node with the fewest of the same service, and then the one with
the most left (`PodTopologySpread` and `NodeResourcesFit` of kube-scheduler). Here the replicas go round: the first of a
service to the node after that of the last one of the service before. So at first no node has two pods more than
another, nor two more of one service; and a replica stays on its node however often it is started again. Services that
nobody calls come last, and count for nothing: another one of them moves no replica of the others.
"""

from __future__ import annotations

from math import ceil

import networkx as nx

from meshquake.topology.graph import service_graph
from meshquake.topology.spec import Topology

#: What telemetry has in place of a service for the samples of nodes, whose replicas they are: as Prometheus has them of
#: an agent on each.
NODES = "node-exporter"
#: Where the file does not say how many nodes there are: replicas a node has at first, about, and the fewest nodes that
#: there are, unless there are fewer replicas.
_PODS_A_NODE, _FEWEST = 8, 3
#: More than a mesh has by itself: of its replicas there are at most 200,000 (`topology.loading.limits`).
MOST_NODES = 25_000


class Placement:
    """The nodes of a mesh, and what runs on each.

    Attributes
    ----------
    nodes
        Their names, in order.
    """

    def __init__(self, topology: Topology) -> None:
        room = topology.cluster
        graph = service_graph(topology)
        called = {entry.service for entry in topology.workload.mix}
        called |= {below for name in list(called) for below in nx.descendants(graph, name)}
        self._first: dict[str, int] = {}
        taken = pods = 0
        for service in sorted(topology.services, key=lambda service: service.name not in called):
            self._first[service.name] = taken
            taken += service.replicas
            pods += service.replicas if service.name in called else 0
        usual = max(min(_FEWEST, pods), ceil(pods / _PODS_A_NODE))
        count = room.nodes if room is not None and room.nodes is not None else max(1, usual)
        self.nodes = tuple(f"node-{number}" for number in range(1, count + 1))

    def number(self, service: str, index: int) -> int:
        """The number of a service's replica among all that there are at first; who comes later goes on counting."""
        return self._first[service] + index

    def position(self, service: str, index: int) -> int:
        """The position among `nodes` of the node on which a service's replica of a number runs."""
        return self.number(service, index) % len(self.nodes)

    def node(self, service: str, replica: str) -> str:
        """The node on which a replica runs, given its name as records have it (`database-1`)."""
        return self.nodes[self.position(service, int(replica.rpartition("-")[2]))]
