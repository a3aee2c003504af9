"""The node that each replica runs on: a pure function of the mesh, the same for everyone at any time.

A scheduler spreads replicas: Kubernetes' prefers the node with the fewest replicas of the same service, and then the
one with the most resources left (`PodTopologySpread` and `NodeResourcesFit` of kube-scheduler). Here replicas go
round-robin: the first replica of a service goes to the node after that of the last replica of the service before. So
initially the numbers of pods on two nodes differ by at most one, and so do those of one service; and a replica stays on
its node however often it is restarted. Services that nobody calls come last and don't count: adding one moves no
replica of the others.
"""

from __future__ import annotations

from math import ceil

import networkx as nx

from meshquake.topology.graph import service_graph
from meshquake.topology.spec import Topology

#: What samples of nodes have in place of a service, with the nodes as its replicas: as Prometheus has them from an
#: agent on each node.
NODES = "node-exporter"
#: If the file doesn't give the number of nodes: about how many initial replicas a node has, and the fewest nodes,
#: unless there are fewer replicas.
_PODS_A_NODE, _FEWEST = 8, 3
#: More nodes than a mesh can have by default: it has at most 200,000 replicas (`topology.loading.limits`), 8 per node.
MOST_NODES = 25_000


class Placement:
    """The nodes of a mesh, and the replicas on each.

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
        """Return a replica's number among all initial replicas; replicas added later count on."""
        return self._first[service] + index

    def position(self, service: str, index: int) -> int:
        """Return the position in `nodes` of the node that a replica runs on."""
        return self.number(service, index) % len(self.nodes)

    def node(self, service: str, replica: str) -> str:
        """Return the node that a replica runs on, by the replica's name in records (`database-1`)."""
        return self.nodes[self.position(service, int(replica.rpartition("-")[2]))]
