"""Estimates for a healthy mesh: how often each operation runs, how long it takes, and what that occupies.

They are made without a run and assume that nobody waits for a worker or a core, and that nothing times out, fails or is
retried. Ambient load and jobs take from the cores what they take on average. Slow calls are hedged, but the extra load
of hedges on callees is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from meshquake.topology.distributions import Distribution, Floats
from meshquake.topology.environment.load import NOTHING, AmbientLoad
from meshquake.topology.graph import name_of, operation_graph, own_work
from meshquake.topology.spec import Branch, Call, Edge, Group, Topology, Work

_SAMPLES = 1000


@dataclass(frozen=True)
class Load:
    """What the usual requests demand of a service.

    `rate` is calls per second, over all replicas. `cores` and `workers` are mean utilisations, relative to what the
    service's other load and jobs (`ambient`) leave free. At 1 or more the service falls behind for ever.
    """

    rate: float
    cores: float
    workers: float
    ambient: AmbientLoad = NOTHING

    @classmethod
    def beside(cls, ambient: AmbientLoad, rate: float, cores: float, workers: float) -> Load:
        """Return the load of a service, given the shares of all its cores and workers that requests demand."""
        return cls(rate, cores / (1.0 - ambient.cores), workers / (1.0 - ambient.workers), ambient)

    @property
    def offered(self) -> float:
        """The utilisation of the scarcer of the two."""
        return max(self.cores, self.workers)


def expected_visits(topology: Topology) -> dict[str, float]:
    """Return the mean number of times that each operation runs for one request of the mix.

    Returns
    -------
    dict of str to float
        By `service.operation`, in file order; 0 for operations that no healthy request reaches.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    graph = operation_graph(topology)
    visits: dict[str, float] = {}
    for node, times in node_visits(topology, graph).items():
        name = graph.nodes[node]["name"]
        visits[name] = visits.get(name, 0.0) + times
    return visits


def node_visits(topology: Topology, graph: nx.MultiDiGraph[str]) -> dict[str, float]:
    """Return the mean number of times that each node of the operation graph runs for one request of the mix."""
    visits = dict.fromkeys(graph, 0.0)
    total = sum(entry.weight for entry in topology.workload.mix)
    for entry in topology.workload.mix:
        visits[name_of(entry)] += entry.weight / total
    for node in nx.topological_sort(graph):
        for _, callee, data in graph.out_edges(node, data=True):
            visits[callee] += visits[node] * data["chance"]
    return visits


def call_rates(topology: Topology) -> dict[tuple[str, str], float]:
    """Return the calls per second on each edge, by (caller, callee), over all replicas of the caller."""
    graph = operation_graph(topology)
    visits = node_visits(topology, graph)
    rates = {(edge.caller, edge.callee): 0.0 for edge in topology.edges}
    for node, _, data in graph.edges(data=True):
        pair = graph.nodes[node]["service"].name, data["call"].service
        rates[pair] += topology.workload.rate * visits[node] * data["chance"]
    return rates


def response_times(topology: Topology) -> dict[str, Floats]:
    """Return a sample of each operation's time from start to answer, including all that it waits for downstream.

    Returns
    -------
    dict of str to numpy.ndarray
        By node of `topology.graph.operation_graph`, `service.operation` for each operation: 1,000 times in seconds, in
        no particular order. Draws are stratified, so that means are accurate to about a percent and the 99th percentile
        to about ten. The same topology gives the same numbers.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    graph = operation_graph(topology)
    edges = {(edge.caller, edge.callee): edge for edge in topology.edges}
    stalls = dict(topology.environment.slow_mode)
    times: dict[str, Floats] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        at = graph.nodes[node]
        below = {call: times[target] for call, target in at["targets"].items()}
        ambient = topology.environment.taken_from(at["service"].name, at["service"].kind)
        pace = _Pace(at["service"].name, edges, below, _Draws(node), 1.0 / (1.0 - ambient.cores))
        variants = at["service"].variants(at["operation"])
        samples = [pace.work(each.work) + pace.steps(each.calls) for _, each in variants]
        times[node] = samples[0] if len(samples) == 1 else _mixed(variants, samples, pace.draw())
        if at["service"].name in stalls:
            stalled = stalls[at["service"].name].sample(at["service"].kind, pace.draw())
            times[node] = times[node] + pace.longer * stalled
    return times


def round_trip(edge: Edge, response: Floats) -> Floats:
    """Return a sample of the round-trip times on an edge (seconds), given one of the callee's response times."""
    return _round_trip(edge, response, _Draws(f"{edge.caller} -> {edge.callee}"))


def offered_load(topology: Topology, response: Mapping[str, Floats] | None = None) -> dict[str, Load]:
    """Return the load of each service, by name, in file order.

    Cores: arrival rate x mean work / cores. Workers: a worker is held until the answer, so by Little's law arrival rate
    x mean response time are busy; with async handlers, it is held until the calls are made.

    Parameters
    ----------
    topology
        The mesh.
    response
        The result of `response_times` for it, if at hand.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    graph = operation_graph(topology)
    visits = node_visits(topology, graph)
    times = response_times(topology) if response is None else response
    living = topology.environment
    ambient = {service.name: living.taken_from(service.name, service.kind) for service in topology.services}
    stalls = dict(topology.environment.slow_mode)
    asked = {service.name: [0.0, 0.0, 0.0] for service in topology.services}
    for node, at in graph.nodes(data=True):
        calls = topology.workload.rate * visits[node]
        variants = at["service"].variants(at["operation"])
        work = sum(share * own_work(each) for share, each in variants)
        name = at["service"].name
        stalled = stalls[name].expectation(at["service"].kind) if name in stalls else 0.0
        work += stalled
        load = asked[name]
        load[0] += calls
        load[1] += calls * work
        held = at["service"].handlers == "threads" or not any(each.calls for _, each in variants)
        own = sum(share * each.work.expectation() for share, each in variants)
        load[2] += calls * (float(times[node].mean()) if held else (own + stalled) / (1.0 - ambient[name].cores))
    loads = {}
    for service in topology.services:
        rate, cores, workers = asked[service.name]
        shares = cores / (service.replicas * service.cores), workers / (service.replicas * service.workers)
        loads[service.name] = Load.beside(ambient[service.name], rate, *shares)
    return loads


def _mixed(variants: Sequence[tuple[float, object]], samples: Sequence[Floats], draws: Floats) -> Floats:
    """Mix the samples of several versions by the versions' shares."""
    which = np.searchsorted(np.cumsum([share for share, _ in variants])[:-1], draws, side="right")
    mixed: Floats = np.choose(which, list(samples))
    return mixed


class _Draws:
    """Columns of uniforms: one number from each of 1,000 equal strata, in a new order each time.

    Seeded by a name, so that an additional operation changes no other's estimate.
    """

    def __init__(self, name: str) -> None:
        self._random = np.random.Generator(np.random.Philox(key=crc32(name.encode())))

    def order(self) -> NDArray[np.intp]:
        return np.argsort(self._random.random(_SAMPLES))

    def __call__(self) -> Floats:
        return (self.order() + 0.5) / _SAMPLES


def _round_trip(edge: Edge, response: Floats, draw: _Draws) -> Floats:
    times = _attempt(edge, response, draw)
    if edge.hedge is None:
        return times
    first, delay = times, edge.hedge.delay
    if edge.hedge.percentile is not None:
        delay = float(np.quantile(first, edge.hedge.percentile))
    for further in range(1, edge.hedge.max_attempts):
        times = np.minimum(times, further * delay + _attempt(edge, response, draw))
    return times


def _attempt(edge: Edge, response: Floats, draw: _Draws) -> Floats:
    # In another order each time: two calls of one operation don't take equally long.
    return edge.latency.quantile(draw()) + response[draw.order()] + edge.latency.quantile(draw())


@dataclass(frozen=True)
class _Pace:
    """How long the steps of an operation take, given its service's edges and the response times of its calls.

    Own work takes `longer` times as long as it would alone.
    """

    caller: str
    edges: Mapping[tuple[str, str], Edge]
    times: Mapping[Call, Floats]
    draw: _Draws
    longer: float

    def work(self, time: Distribution) -> Floats:
        """Return a sample of the time that own work takes."""
        return self.longer * time.quantile(self.draw())

    def steps(self, groups: tuple[Group, ...]) -> Floats:
        """Return a sample of the time that steps take."""
        total = np.zeros(_SAMPLES)
        for group in groups:
            total = total + np.max([self._branch(branch) for branch in group], axis=0)
        return total

    def _branch(self, branch: Branch) -> Floats:
        if isinstance(branch, Work):
            return self.work(branch.time)
        if not isinstance(branch, Call):
            return self.steps(branch.steps)
        if branch not in self.times:
            return np.zeros(_SAMPLES)  # its bound is reached
        beyond = branch.times.beyond()
        # One draw decides how many times the call is made.
        certain = branch.probability >= 1 and beyond[-1] >= 1
        lot = np.zeros(_SAMPLES) if certain else self.draw()
        waits = np.array([self._wait(branch, lot < branch.probability * share) for share in beyond])
        together: Floats = waits.max(axis=0) if branch.at_once else waits.sum(axis=0)
        return together

    def _wait(self, call: Call, reached: NDArray[np.bool_]) -> Floats:
        """Return the time spent on a call where it's `reached`, and on what follows it while lookups miss."""
        total = np.zeros(_SAMPLES)
        for link in (call, *call.on_miss, *call.on_success):
            if isinstance(link, Work):
                total += reached * self.work(link.time)
                continue
            total += reached * _round_trip(self.edges[self.caller, link.service], self.times[link], self.draw)
            if link.hit_rate is not None:
                reached = reached & (self.draw() >= link.hit_rate)
        return total
