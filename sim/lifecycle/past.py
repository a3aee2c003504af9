"""What the processes that are there at the start of a recording did before it: how long they ran, what they answered.

Whatever a process says of itself goes by the same past: its uptime, the requests it has answered, the number of its
next garbage collection, and the memory that it has grown by.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from meshquake.sim.environment.growth import Growth
from meshquake.topology.addresses import address, uniform
from meshquake.topology.distributions import DAY
from meshquake.topology.estimates import node_visits
from meshquake.topology.graph import operation_graph

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.topology.spec import Topology

#: The shortest and the longest age (seconds) of a process that doesn't grow until it is recycled, and the longest of
#: one that does. An estimate: processes run from one deploy, or one drained node, to the next.
_LEAST, _MOST = 3600.0, 14 * DAY


class Past:
    """The past of a mesh's first processes.

    Parameters
    ----------
    topology, seed
        Those of the mesh.
    """

    def __init__(self, topology: Topology, seed: int) -> None:
        self._topology = topology
        self._seed = seed
        self._aging = dict(topology.environment.memory)

    def age(self, replica: Replica) -> float:
        """Return how many seconds before the recording the process of a first replica began.

        A process that grows is as old as its growth. Of the others, as many are between one hour and two old as between
        one day and two.
        """
        service = replica.service.spec
        aging = self._aging.get(service.name)
        if aging is not None:
            growth = Growth.of(service, replica.index, aging, self._seed)
            if growth.lasted:
                return service.startup + min(growth.lasted, _MOST)
        u = uniform(address(self._seed, "age", replica.name) % 2**64, 0)
        return service.startup + float(_LEAST * (_MOST / _LEAST) ** u)

    def answered(self, replica: Replica) -> int:
        """Return how many requests a replica's process answered before the recording; 0 if it began during it.

        It got its share of the usual requests for all that time.
        """
        if replica.born >= 0.0:
            return 0
        ran = -replica.born - replica.service.spec.startup
        return round(ran * self._rates[replica.service.spec.name] * _share(replica))

    def collected(self, replica: Replica) -> int:
        """Return how many times a replica's process collected its garbage before the recording."""
        return int(self.answered(replica) * replica.service.spec.garbage // replica.mark)

    @cached_property
    def _rates(self) -> dict[str, float]:
        """The usual requests per second to each service."""
        rates = dict.fromkeys((each.name for each in self._topology.services), 0.0)
        graph = operation_graph(self._topology)
        for node, visits in node_visits(self._topology, graph).items():
            rates[graph.nodes[node]["service"].name] += visits * self._topology.workload.rate
        return rates


def _share(replica: Replica) -> float:
    """Return the share of its service's requests that a replica gets."""
    service = replica.service.spec
    for version in service.versions:
        if version.name == replica.deployment.version and version.weight is not None:
            weights = sum(each.weight or 0.0 for each in service.versions)
            return version.weight / weights / version.replicas
    return 1.0 / len(service.versions_at_first)
