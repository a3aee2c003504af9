"""The capacity of a generated mesh, and the policies of its callers.

Both follow from the healthy mesh (`topology.estimates`), as they do where people look at their dashboards before they
set a limit: replicas from the load, timeouts from response times, pools from the calls in flight. Some callers have a
policy and some have none, depending on the seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Final, TypeVar

import networkx as nx
import numpy as np

from meshquake.topology.estimates import Load
from meshquake.topology.generating import figures
from meshquake.topology.generating.draws import Draws
from meshquake.topology.graph import depths, name_of, operation_graph
from meshquake.topology.policies import Bulkhead, CircuitBreaker, Retry, RetryBudget
from meshquake.topology.review.mesh import Mesh
from meshquake.topology.review.patience import Patience
from meshquake.topology.spec import Cpu, Edge, Objective, Service, Topology, Workload

N = TypeVar("N", int, float)

#: Values that people choose from.
_WORKERS: Final = (16, 32, 64, 128, 256, 512, 1024)
_MEMORY: Final = (2**29, 2**32, 2**33, 2**34)
_POOLS: Final = (5, 10, 20, 50, 100, 200)
_TIMEOUTS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0)
_OBJECTIVES: Final = (1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
#: Headroom: capacity as a multiple of the mean use, and timeouts as a multiple of healthy response times.
_ROOM, _TIME = 4.0, 4.0
#: Shares of callers that have a policy, where it makes sense.
_TIMED, _TIMED_STORE, _RETRIES, _BREAKERS, _BULKHEADS = 0.6, 0.9, 0.35, 0.3, 0.1
#: A breaker's window (seconds), and the number of calls it judges by. It needs replicas that make twice as many.
_WINDOW, _JUDGES = 10.0, 10
#: Largest share of an entry's requests that may fail by themselves, however many calls they make.
_FAILURES: Final = 0.008
USUAL_ERRORS: Final = 0.0005


def provided(draft: Topology, loads: Mapping[str, Load], draws: Draws) -> Topology:
    """Return the mesh with replicas, cores, workers and pools that suit its load.

    Parameters
    ----------
    draft
        The mesh; each of its services has one replica, with arbitrary workers and cores.
    loads
        What the usual requests demand of the services of the draft.
    draws
        The draws of its seed.
    """
    return replace(draft, services=tuple(_provided(each, loads[each.name], draws) for each in draft.services))


def protected(mesh: Topology, draws: Draws) -> Topology:
    """Return the mesh with policies for its edges, timeouts that exceed those below, and room for its pools."""
    seen = Mesh.of(mesh)
    stalls = _stalls(seen)
    edges = {pair: _limited(edge, seen, draws) for pair, edge in seen.edges.items()}
    levels = depths(mesh)
    below: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges.values():
        below[levels[edge.caller]].append(edge)
    for level in sorted(below, reverse=True):
        patience = Patience(seen.operations, edges)
        for edge in below[level]:
            edges[edge.caller, edge.callee] = _timed(edge, seen, stalls, patience, draws)
    services = tuple(_roomy(each, list(edges.values()), seen.replicas) for each in mesh.services)
    return replace(mesh, services=services, edges=tuple(edges.values()), workload=_promised(mesh, seen))


def errors(mesh: Topology) -> float:
    """Return the share of calls that may fail by themselves, few enough for requests, which make many calls."""
    graph = operation_graph(mesh)
    calls: dict[str, float] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        calls[node] = 1 + sum(data["chance"] * calls[callee] for _, callee, data in graph.out_edges(node, data=True))
    most = max(calls[name_of(entry)] for entry in mesh.workload.mix)
    return float(f"{min(USUAL_ERRORS, _FAILURES / most):.1g}")


# -- services ---------------------------------------------------------------------------------------------------------


def _provided(service: Service, load: Load, draws: Draws) -> Service:
    busy = draws.between(*figures.UTILISATION, "busy", service.name)
    needed = load.cores * service.replicas * service.cores / busy
    cores = 4 if service.kind == "database" or needed > 16 else 2 if needed > 6 else 1
    spare = 1 if draws.chance(0.25, "alone", service.name) and needed < 1 else 2
    replicas = min(1000, max(spare, ceil(needed / cores)))
    held = load.workers * service.workers * service.replicas / replicas
    least = 40 if service.kind in ("database", "cache") else 0
    workers = _step(_WORKERS, max(least, _ROOM * held, 2 * cores))
    return replace(service, replicas=replicas, workers=workers, cpu=Cpu(cores))


def _roomy(service: Service, edges: list[Edge], replicas: Mapping[str, int]) -> Service:
    """Return the service with a queue that holds what its callers' pools may send, and enough memory for that."""
    pools = [(each.caller, each.pool.size) for each in edges if each.callee == service.name and each.pool is not None]
    connections = sum(size * replicas[caller] for caller, size in pools)
    short = ceil(connections / service.replicas) - service.workers - service.queue.limit
    queue = replace(service.queue, limit=service.queue.limit + max(0, 50 * ceil(short / 50)))
    held = (service.workers + queue.limit) * service.memory.per_request
    memory = replace(
        service.memory, limit=_step(_MEMORY[service.kind == "database" :], held / (1 - service.memory.base))
    )
    return replace(service, queue=queue, memory=memory)


# -- edges ------------------------------------------------------------------------------------------------------------


def _limited(edge: Edge, seen: Mesh, draws: Draws) -> Edge:
    """Return the edge with limits on calls in flight and a breaker, if its caller has them."""
    at = edge.caller, edge.callee
    flying = seen.concurrency(edge)
    if edge.pool is not None:
        edge = replace(edge, pool=replace(edge.pool, size=_step(_POOLS, _ROOM * flying)))
    elif draws.chance(_BULKHEADS, "bulkhead", *at):
        edge = replace(edge, bulkhead=Bulkhead(_step(_POOLS[2:], 2 * _ROOM * flying)))
    if seen.rate_per_replica(edge) * _WINDOW >= 2 * _JUDGES and draws.chance(_BREAKERS, "breaker", *at):
        breaker = CircuitBreaker(window_time=_WINDOW, minimum_calls=_JUDGES, open_for=5.0, half_open_calls=3)
        edge = replace(edge, breaker=breaker)
    return edge


def _timed(edge: Edge, seen: Mesh, stalls: Mapping[str, float], patience: Patience, draws: Draws) -> Edge:
    """Return the edge with a timeout and retries, if its caller has them.

    The timeout is longer than the callee waits for others, and than a stall at its worst. Stalls come in bursts: if
    each ran into the timeout, retries would turn a burst into a small incident, and percentiles of healthy answers
    don't show that.
    """
    at = edge.caller, edge.callee
    stored = seen.topology.service(edge.callee).kind in ("cache", "database")
    if not draws.chance(_TIMED_STORE if stored else _TIMED, "timeout", *at):
        return edge
    usual = max(float(np.quantile(times, 0.99)) for times in seen.times(edge).values())
    stalled = max(stalls[callee] for callee in seen.calls[at])
    waits = [patience[callee] for callee in seen.calls[at]]
    least = max(_TIME * usual, usual + stalled, 1.01 * max(waits))
    if least > _TIMEOUTS[-1]:
        return edge
    edge = replace(edge, timeout=_step(_TIMEOUTS, least))
    if draws.chance(_RETRIES, "retry", *at):
        attempts = draws.one((2, 2, 3), "attempts", *at)
        edge = replace(edge, retry=Retry(attempts, budget=RetryBudget(0.2)))
    return edge


def _stalls(seen: Mesh) -> dict[str, float]:
    """Return how long an answer of each operation stalls at worst (seconds), through itself or what it calls."""
    modes, found = dict(seen.topology.environment.slow_mode), dict.fromkeys(seen.operations, 0.0)
    for node in reversed(list(nx.topological_sort(seen.operations))):
        service = seen.operations.nodes[node]["service"]
        if service.name in modes:
            idle = 1.0 - seen.topology.environment.load_of(service.name).cores
            found[node] = modes[service.name].longest(service.kind) / idle
        found[node] = max(found[node], *(found[callee] for callee in seen.operations[node]), 0.0)
    return found


def _promised(mesh: Topology, seen: Mesh) -> Workload:
    slowest = max(float(np.quantile(seen.response[name_of(entry)], 0.99)) for entry in mesh.workload.mix)
    return replace(mesh.workload, objective=Objective(within=_step(_OBJECTIVES, 2.5 * slowest)))


def _step(steps: Sequence[N], least: float) -> N:
    """Return the first step that is enough; the last if none is."""
    return next((step for step in steps if step >= least), steps[-1])
