"""The mesh as a queueing network in Ciw, as far as Ciw can model it.

A service is a node, an entry operation a class of customers with Poisson arrivals, and a request one customer who
visits the services of its call tree one after another (process-based routing), each for the work of the operation
called there.

A node has as many servers as its service has workers, as in an M/M/c model of the service. A customer holds a server
only for its own work, however, which in the mesh is how long a core is held. Ciw inspects every server after every
event, so it runs faster with one server per core; the benchmark shows both.

Left out, since a customer is in one place at a time and nobody waits for its answer: workers held while a request waits
downstream, concurrent calls (they happen in turn), replicas and balancing, network latency, bounded queues (a full node
in Ciw blocks the one before it rather than shedding), timeouts, retries, breakers, pools, and all telemetry. So the
comparison favours Ciw.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Literal

import ciw  # type: ignore[import-untyped]

from meshquake.benchmarks.baseline import Counts, Sampler, repeats, sampler
from meshquake.topology.spec import Call, Topology


class _Trees:
    """What requests of a topology do: the services they visit, in order, with the work at each."""

    def __init__(self, topology: Topology, random: Random) -> None:
        self._random = random
        #: The node of each service; Ciw counts from 1.
        self.nodes = {service.name: node for node, service in enumerate(topology.services, start=1)}
        self._operations = {
            (service.name, operation.name): (sampler(operation.work, random), operation.calls)
            for service in topology.services
            for operation in service.operations
        }

    def walk(self, service: str, operation: str) -> Iterator[tuple[int, Sampler]]:
        """Draw the (node, work) of each visit of one request."""
        work, groups = self._operations[service, operation]
        yield self.nodes[service], work
        for group in groups:
            for call in group:
                assert isinstance(call, Call)  # the ten services make no other kind of step
                for _ in range(repeats(call, self._random.random)):
                    yield from self._call(call)

    def _call(self, call: Call) -> Iterator[tuple[int, Sampler]]:
        yield from self.walk(call.service, call.operation)
        if call.hit_rate is not None and self._random.random() >= call.hit_rate:
            for follower in call.on_miss:
                assert isinstance(follower, Call)  # the ten services make no other kind of step
                yield from self._call(follower)


class _Work(ciw.dists.Distribution):  # type: ignore[misc]
    """The service time of a customer: the work of the operation it came for."""

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        draw: Sampler = next(ind.work)
        return draw()


def run(topology: Topology, duration: float, seed: int, servers: Literal["workers", "cores"] = "workers") -> Counts:
    """Simulate `duration` seconds of the mesh, with one server per worker or per core; `records` is 0.

    Ciw draws arrivals from Python's global random numbers: `seed` reseeds them.
    """
    ciw.seed(seed)
    trees = _Trees(topology, Random(seed))
    workload = topology.workload
    weights = sum(entry.weight for entry in workload.mix)
    entries = {f"{entry.service}.{entry.operation}": entry for entry in workload.mix if entry.weight > 0}

    def route(customer: Any, _: ciw.Simulation) -> list[int]:
        entry = entries[customer.customer_class]
        nodes, work = zip(*trees.walk(entry.service, entry.operation), strict=True)
        customer.work = iter(work)
        return list(nodes[1:])  # the first is where it arrives

    simulation = ciw.Simulation(
        ciw.create_network(
            arrival_distributions={
                name: [
                    ciw.dists.Exponential(workload.rate * entry.weight / weights) if service == entry.service else None
                    for service in trees.nodes
                ]
                for name, entry in entries.items()
            },
            service_distributions={name: [_Work()] * len(trees.nodes) for name in entries},
            number_of_servers=[service.replicas * int(getattr(service, servers)) for service in topology.services],
            routing={name: ciw.routing.ProcessBased(route) for name in entries},
        )
    )
    simulation.simulate_until_max_time(duration)
    return Counts(
        # Ciw creates a customer on arrival, so every customer created has arrived.
        requests=simulation.nodes[0].number_of_individuals,
        calls=sum(len(customer.data_records) for customer in simulation.get_all_individuals()),
        records=0,
    )
