"""What is odd about a mesh that is valid: it runs, but probably not as its author meant.

Each check looks at the mesh while it's healthy (`topology.estimates`) or at what its policies would do at worst, and
finds (path in the document, message). Nothing here depends on a seed or on a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil, inf
from pathlib import Path

import networkx as nx
import numpy as np

from meshquake.topology.deadlock import deadlocks
from meshquake.topology.distributions import Floats
from meshquake.topology.document import Node
from meshquake.topology.errors import FOLLOWED
from meshquake.topology.estimates import (
    Load,
    call_rates,
    expected_visits,
    node_visits,
    offered_load,
    response_times,
    round_trip,
)
from meshquake.topology.graph import chain, name_of, operation_graph
from meshquake.topology.loader import LoadedTopology, shipped
from meshquake.topology.naming import parts
from meshquake.topology.policies import Retry
from meshquake.topology.problems import Problem
from meshquake.topology.rollout import ROLLING
from meshquake.topology.spec import Branch, Call, Edge, Group, Sequence, Service, Topology, Work, made
from meshquake.topology.units import counted, duration, number, rate, ratio, size

#: A path in the document and what is odd there.
Finding = tuple[str, str]

#: Work that one request may become, at worst, before it is worth a warning.
_AMPLIFICATION = 16
#: Load that leaves little room for a burst: M/M/1 then answers 1 / (1 - 0.85) = 7 times slower than when idle.
_HEADROOM = 0.85
#: Share of healthy calls that may run into their timeout.
_TOO_SLOW = 0.01
#: Services of a circle that a warning names one by one.
_SHOWN = 4


def review(topology: Topology) -> list[Finding]:
    """Everything odd about a mesh, check by check.

    Parameters
    ----------
    topology
        A mesh without cycles of operations.

    Returns
    -------
    list of (str, str)
        The path of the key to look at, such as `services.cart` or `edges.cart -> database.timeout`, and a message.
        A path may name a key that the document leaves to a default.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    return [finding for _, finding in _checked(topology)]


def _checked(topology: Topology) -> Iterator[tuple[Check, Finding]]:
    """What each check finds, check by check."""
    mesh = _Mesh.of(topology)
    return ((check, finding) for check in _CHECKS for finding in check(mesh))


@dataclass(frozen=True)
class _Mesh:
    """A topology and what the checks want to know of it, each thing worked out once."""

    topology: Topology
    operations: nx.MultiDiGraph[str]
    edges: dict[tuple[str, str], Edge]
    replicas: dict[str, int]
    visits: dict[str, float]
    rates: dict[tuple[str, str], float]
    response: dict[str, Floats]
    loads: dict[str, Load]
    #: By caller and callee, the calls that healthy requests make there: callee's operation and calls a second.
    calls: dict[tuple[str, str], dict[str, float]]
    #: By operation, how long its own timeouts let it wait for others.
    patience: dict[str, float]

    @classmethod
    def of(cls, topology: Topology) -> _Mesh:
        operations = operation_graph(topology)
        edges = {(edge.caller, edge.callee): edge for edge in topology.edges}
        visits = node_visits(topology, operations)
        response = response_times(topology)
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
            visits=expected_visits(topology),
            rates=call_rates(topology),
            response=response,
            loads=offered_load(topology, response),
            calls=calls,
            patience=_patience(operations, edges),
        )

    def rate_per_replica(self, edge: Edge) -> float:
        """Healthy calls a second that one replica of the caller makes on an edge."""
        return self.rates[edge.caller, edge.callee] / self.replicas[edge.caller]

    def name(self, node: str) -> str:
        """What users call a node of the operations."""
        name: str = self.operations.nodes[node]["name"]
        return name

    def times(self, edge: Edge) -> dict[str, Floats]:
        """Healthy times of the calls on an edge, as its caller sees them, by the callee's operation."""
        return {callee: round_trip(edge, self.response[callee]) for callee in self.calls[edge.caller, edge.callee]}

    def concurrency(self, edge: Edge) -> float:
        """Calls that one replica of the caller has in flight on an edge, on average (Little's law)."""
        calls = self.calls[edge.caller, edge.callee]
        busy = sum(calls[callee] * float(times.mean()) for callee, times in self.times(edge).items())
        return busy / self.replicas[edge.caller]


def _unreached(mesh: _Mesh) -> Iterator[Finding]:
    """Services that no request reaches, and operations of the others that none does."""
    operations = [operation for service in mesh.topology.services for operation in service.operations]
    # What is called only when another call fails is not odd.
    spare = {name_of(link) for operation in operations for call in made(operation.calls) for link in call.on_failure}
    for service in mesh.topology.services:
        names = {op.name: f"{service.name}.{op.name}" for op in service.operations}
        idle = [name for name, path in names.items() if not mesh.visits[path] and path not in spare]
        if len(idle) == len(service.operations):
            yield f"services.{service.name}", "no request reaches this service"
            continue
        for name in idle:
            yield f"services.{service.name}.operations.{name}", "no request reaches this operation"


def _overload(mesh: _Mesh) -> Iterator[Finding]:
    """Services that the usual load keeps too busy."""
    for service in mesh.topology.services:
        name, load = service.name, mesh.loads[service.name]
        what = "cores" if load.cores >= load.workers else "workers"
        offered = load.offered
        if service.autoscale is not None:
            # What counts is how far it can be scaled.
            offered *= service.replicas / max(service.replicas, service.autoscale.maximum)
            what += f" with {service.autoscale.maximum} replicas"
        calls, share = rate(load.rate, digits=2), ratio(offered, digits=2)
        if offered >= 1:
            yield f"services.{name}", f"overloaded even when healthy: {calls} need {share} of its {what}"
        elif offered >= _HEADROOM:
            yield f"services.{name}", f"little headroom: {calls} keep {share} of its {what} busy"


def _hasty(mesh: _Mesh) -> Iterator[Finding]:
    """Timeouts shorter than the healthy work they wait for."""
    for edge in mesh.topology.edges:
        if edge.timeout is None:
            continue
        times = mesh.times(edge)
        late = {callee: float(np.mean(sample > edge.timeout)) for callee, sample in times.items()}
        worst = max(late, key=late.__getitem__, default=None)
        if worst is not None and late[worst] >= _TOO_SLOW:
            mean, tail = float(times[worst].mean()), float(np.quantile(times[worst], 0.99))
            yield (
                _path(edge, "timeout"),
                f"{edge.caller} waits {duration(edge.timeout)} for {mesh.name(worst)}, but "
                f"{ratio(late[worst], digits=2)} of its healthy answers take longer "
                f"(mean {duration(mean, digits=2)}, p99 {duration(tail, digits=2)})",
            )


def _inverted(mesh: _Mesh) -> Iterator[Finding]:
    """Callers that give up while a callee, by its own timeouts, still waits for others: once a caller, the worst."""
    inverted: dict[str, list[tuple[float, float, str, Edge]]] = defaultdict(list)
    for edge in mesh.topology.edges:
        reached = mesh.calls[edge.caller, edge.callee]
        worst = max(reached, key=mesh.patience.__getitem__, default=None)
        if edge.timeout is not None and worst is not None and edge.timeout < mesh.patience[worst]:
            inverted[edge.caller].append((mesh.patience[worst], edge.timeout, worst, edge))
    for found in inverted.values():
        patience, timeout, worst, edge = max(found, key=lambda candidate: candidate[0])
        others = [other.callee for *_, other in found if other is not edge]
        yield (
            _path(edge, "timeout"),
            f"{edge.caller} gives up after {duration(timeout)}, but {mesh.name(worst)} may wait "
            f"{duration(patience, digits=2)} for what it calls (timeouts x attempts): "
            f"work that nobody waits for{_likewise(others)}",
        )


def _amplified(mesh: _Mesh) -> Iterator[Finding]:
    """Entries of which one request may become very many calls, because several layers retry.

    A layer repeats the attempts of those below it only if it hears of their failure: it retries `dependency_failed`,
    or it times out while they're still at it. A budget bounds the mean number of attempts, whatever its minimum, which
    is a number a second and doesn't grow with the load.
    """
    worst: dict[str, tuple[float, tuple[str, ...]]] = {}
    for node in reversed(list(nx.topological_sort(mesh.operations))):
        caller = mesh.operations.nodes[node]["service"].name
        worst[node] = (1.0, (caller,))
        for _, callee, data in mesh.operations.out_edges(node, data=True):
            edge = mesh.edges[caller, data["call"].service]
            attempts, (below, path) = _attempts(edge), worst[callee]
            if _hears(edge, mesh.patience[callee]):
                below *= attempts
            elif attempts > below:
                below, path = attempts, path[:1]
            worst[node] = max(worst[node], (below, (caller, *path)), key=lambda way: way[0])
    told = set()
    for entry in mesh.topology.workload.mix:
        times, path = worst[name_of(entry)]
        if entry.weight and times >= _AMPLIFICATION and path not in told:
            told.add(path)
            yield (
                _path(mesh.edges[path[-2], path[-1]], "retry"),
                f"retries multiply: one request may become {times:.0f} calls along {' -> '.join(path)}",
            )


def _inert_breakers(mesh: _Mesh) -> Iterator[Finding]:
    """Circuit breakers that can't see enough calls to open."""
    for edge in mesh.topology.edges:
        breaker, calls = edge.breaker, mesh.rate_per_replica(edge)
        if breaker is None or breaker.window_time is None or not calls:
            continue
        seen = calls * breaker.window_time * (edge.retry.max_attempts if edge.retry else 1)
        if seen < breaker.minimum_calls:
            yield (
                _path(edge, "breaker"),
                f"the breaker of {edge.caller} to {edge.callee} cannot open at the usual rate: a replica makes at most "
                f"{number(seen, digits=2)} attempts in {duration(breaker.window_time)}, retries included, and "
                f"{breaker.minimum_calls} are needed",
            )


def _narrow(mesh: _Mesh) -> Iterator[Finding]:
    """Bulkheads and pools smaller than the number of calls that are usually in flight."""
    for edge in mesh.topology.edges:
        limits = {}
        if edge.bulkhead is not None:
            limits["bulkhead"] = edge.bulkhead.max_concurrent
        if edge.pool is not None:
            limits["pool"] = edge.pool.size
        usual = mesh.concurrency(edge) if limits else 0.0
        for policy, limit in limits.items():
            if usual > limit:
                yield (
                    _path(edge, policy),
                    f"a replica of {edge.caller} has {number(usual, digits=2)} calls to {edge.callee} in flight on "
                    f"average, and room for {limit}",
                )


def _oversized_pools(mesh: _Mesh) -> Iterator[Finding]:
    """Services whose callers may open more connections than they can hold requests."""
    connections: dict[str, int] = defaultdict(int)
    for edge in mesh.topology.edges:
        if edge.pool is not None:
            connections[edge.callee] += edge.pool.size * mesh.replicas[edge.caller]
    for service in mesh.topology.services:
        room = service.replicas * (service.workers + service.queue.limit)
        if connections[service.name] > room:
            yield (
                f"services.{service.name}",
                f"the pools of its callers have {connections[service.name]} connections, more than the "
                f"{counted(room, 'request')} that its workers and queues hold: the pools do not protect it",
            )


def _deadlocks(mesh: _Mesh) -> Iterator[Finding]:
    """Circles of services in which all workers may wait for each other for ever."""
    for deadlock in deadlocks(mesh.topology):
        circle = deadlock.circle
        named = [
            f"{'all of' if index else 'all workers of'} {wait.service} may be held by {' -> '.join(wait.operations)}, "
            f"which waits for a worker of {circle[(index + 1) % len(circle)].service}"
            for index, wait in enumerate(circle[:_SHOWN])
        ]
        rest = f", and so on round {counted(len(circle), 'service')}" if len(circle) > _SHOWN else ""
        more = f"; {deadlock.services} services wait in such a way" if deadlock.services > len(circle) else ""
        yield (
            f"edges.{' -> '.join(deadlock.edge)}.timeout",
            f"possible deadlock: {', '.join(named)}{rest}, and none of these calls has a timeout. A timeout on one of "
            f"them breaks this circle, or a bulkhead smaller than its caller's workers{more}",
        )


def _endless(mesh: _Mesh) -> Iterator[Finding]:
    """Entries whose healthy requests take longer than any request is followed."""
    for entry in mesh.topology.workload.mix:
        times = mesh.response[name_of(entry)]
        late = float(np.mean(times > FOLLOWED))
        if late >= _TOO_SLOW and entry.weight:
            yield (
                f"services.{entry.service}.operations.{entry.operation}",
                f"{ratio(late, digits=2)} of its healthy answers take longer than {duration(FOLLOWED)} "
                f"(mean {duration(float(times.mean()), digits=2)}), and no request is followed longer: recorded "
                "as unfinished",
            )


def _cramped(mesh: _Mesh) -> Iterator[Finding]:
    """Services whose requests alone can fill a replica's memory, which kills nothing: the one that needs fewest."""
    found = []
    for service in mesh.topology.services:
        memory, holds = service.memory, service.workers + service.queue.limit
        left = max(0.0, memory.limit * (1 - memory.base - memory.collect_at))
        if holds * memory.per_request >= left:
            found.append((left / memory.per_request if memory.per_request else 0.0, holds, service))
    if found:
        enough, holds, service = min(found, key=lambda each: each[0])
        others = f"; likewise those of {counted(len(found) - 1, 'other service')}" if len(found) > 1 else ""
        yield (
            f"services.{service.name}.memory",
            f"{ceil(enough)} of the {counted(holds, 'request')} that a replica may hold fill its "
            f"{size(service.memory.limit, digits=3)}: memory_usage is 100% then, and nothing is killed{others}",
        )


def _limited(mesh: _Mesh) -> Iterator[Finding]:
    """Rate limits that turn healthy requests away for ever."""
    for service in mesh.topology.services:
        limit = service.rate_limit
        if limit is None:
            continue
        allowed = service.replicas * limit.tokens_per_fill / limit.fill_interval
        if mesh.loads[service.name].rate > allowed:
            asked = rate(mesh.loads[service.name].rate, digits=2)
            yield (
                f"services.{service.name}.rate_limit",
                f"lets {rate(allowed, digits=2)} through, and healthy requests are {asked}: others are answered 429",
            )


def _impatient(mesh: _Mesh) -> Iterator[Finding]:
    """Liveness probes that end a process before it has started."""
    for service in mesh.topology.services:
        probe = service.liveness
        if probe is None:
            continue
        patience = probe.initial_delay + probe.period * (probe.failure_threshold - 1)
        if service.startup >= patience:
            yield (
                f"services.{service.name}.liveness",
                f"a process that starts again takes {duration(service.startup)}, and may be ended after "
                f"{duration(patience)}: a longer initial_delay lets it get up",
            )


def _idle(mesh: _Mesh) -> Iterator[Finding]:
    """Policies of edges that can do nothing as they are set."""
    for edge in mesh.topology.edges:
        outlier, hedge, retry = edge.outlier, edge.hedge, edge.retry
        if outlier is not None and not any(
            (outlier.consecutive, outlier.gateway, outlier.success_rate, outlier.failure_share)
        ):
            yield _path(edge, "outlier"), "ejects nothing: all its rules are off"
        patience = min((each for each in (edge.timeout, edge.overall_timeout) if each is not None), default=inf)
        if hedge is not None and hedge.percentile is None and hedge.delay >= patience:
            yield (
                _path(edge, "hedge"),
                f"hedges no slow call: it waits {duration(hedge.delay)}, and a call is given up after "
                f"{duration(patience)}",
            )
        if retry is not None and retry.base > retry.maximum:
            yield (
                _path(edge, "retry"),
                f"its pauses do not grow: the base of {duration(retry.base)} is above the maximum of "
                f"{duration(retry.maximum)}",
            )


#: Looks for one kind of oddity.
Check = Callable[[_Mesh], Iterator[Finding]]

_CHECKS: tuple[Check, ...] = (
    _unreached,
    _overload,
    _hasty,
    _inverted,
    _amplified,
    _inert_breakers,
    _narrow,
    _oversized_pools,
    _deadlocks,
    _endless,
    _cramped,
    _limited,
    _impatient,
    _idle,
)


def _patience(operations: nx.MultiDiGraph[str], edges: dict[tuple[str, str], Edge]) -> dict[str, float]:
    """How long each operation may wait for others by its own timeouts and retries, in seconds.

    A call without a timeout is waited for as long as the callee itself waits.
    """
    patience: dict[str, float] = {}

    def steps(node: str, groups: tuple[Group, ...]) -> float:
        return sum(max((branch(node, each) for each in group), default=0.0) for group in groups)

    def branch(node: str, each: Branch) -> float:
        if isinstance(each, Work):
            return 0.0
        if isinstance(each, Sequence):
            return steps(node, each.steps)
        return wait(node, each) * (1 if each.at_once else each.times.most)

    def wait(node: str, call: Call) -> float:
        total = 0.0
        targets = operations.nodes[node]["targets"]
        for link, _ in chain(call):
            if link in targets:
                edge = edges[operations.nodes[node]["service"].name, link.service]
                total += _longest(edge, patience[targets[link]])
        return total

    for node in reversed(list(nx.topological_sort(operations))):
        service: Service = operations.nodes[node]["service"]
        variants = service.variants(operations.nodes[node]["operation"])
        patience[node] = max(steps(node, variant.calls) for _, variant in variants)
    return patience


def _longest(edge: Edge, patience: float) -> float:
    """The longest time that a call on an edge may take, of which the callee itself waits so long, in seconds."""
    attempt = patience if edge.timeout is None else edge.timeout
    if edge.retry is not None:
        attempt = attempt * edge.retry.max_attempts + _pauses(edge.retry)
    elif edge.hedge is not None:
        attempt += edge.hedge.delay * (edge.hedge.max_attempts - 1)
    return attempt if edge.overall_timeout is None else min(attempt, edge.overall_timeout)


def _pauses(retry: Retry) -> float:
    """The longest time that the caller may pause between all attempts of one call, in seconds."""
    return sum(min(retry.base * float(2**attempt - 1), retry.maximum) for attempt in range(1, retry.max_attempts))


def _attempts(edge: Edge) -> float:
    """Attempts of one call, at worst, on average."""
    if edge.retry is None:
        return 1.0
    if edge.retry.budget is None:
        return edge.retry.max_attempts
    return min(edge.retry.max_attempts, 1 + edge.retry.budget.ratio)


def _hears(edge: Edge, patience: float) -> bool:
    """Whether the caller tries again when its callee has given up on, or still waits for, what it calls itself."""
    if edge.retry is None:
        return False
    gives_up_first = edge.timeout is not None and edge.timeout < patience
    return "dependency_failed" in edge.retry.on or ("timeout" in edge.retry.on and gives_up_first)


def _path(edge: Edge, policy: str) -> str:
    return f"edges.{edge.caller} -> {edge.callee}.{policy}"


def _likewise(callees: list[str]) -> str:
    return f"; likewise its calls to {', '.join(callees)}" if callees else ""


def unexpected(loaded: LoadedTopology, played: float | None = None) -> list[Problem]:
    """The warnings of a mesh that is played at a rate (requests a second; its own if that's None).

    Of a mesh that comes with the package, it's what more users than its own would meet: the rest is on purpose.
    """
    mesh, own = loaded.topology, loaded.topology.workload.rate
    at = played or own
    comes_with_us = Path(loaded.document.file).resolve() in shipped().values()
    if comes_with_us and at <= own:
        return []
    on_purpose = remarks(loaded) if comes_with_us else []
    odd = remarks(replace(loaded, topology=mesh.at_rate(at)))
    return [each for each in odd if each not in on_purpose]


def remarks(loaded: LoadedTopology) -> list[Problem]:
    """The findings of `review` as warnings, each at the line of its key, or of the default that stands for it.

    What one check finds because of one default, or of one value that aliases repeat, is one warning. An operation that
    no request reaches is none if the same one, in another service, is reached by way of an alias.
    """
    document, mesh = loaded.document, loaded.topology
    places = _Places(loaded)
    names = {service.name for service in mesh.services}
    reached = {
        document.find("services.{}.operations.{}".format(*parts(path, names))).origin
        for path, visits in expected_visits(mesh).items()
        if visits
    }
    found: dict[tuple[Check, str], list[tuple[Node, str, str]]] = defaultdict(list)
    for check, (path, message) in _checked(mesh):
        node = places.of(path)
        if check is not _unreached or node.origin not in reached:
            found[check, node.path if node.path.startswith("defaults.") else path].append((node, path, message))
    problems = []
    for (node, path, message), *others in found.values():
        line = node.key_line or node.line
        if not document.repeats(node, line, message):
            more = f"; likewise at {counted(len(others), 'other edge')} by the same default" if others else ""
            problems.append(Problem(document.file, line, path, message + more, warning=True))
    for node, message in _unused(loaded):
        if not document.repeats(node, node.key_line, message):
            problems.append(Problem(document.file, node.key_line, node.path, message, warning=True))
    return problems


def _unused(loaded: LoadedTopology) -> Iterator[tuple[Node, str]]:
    """Keys that services have of another choice than the one that is made; defaults are for those whom they fit."""
    for service in loaded.topology.services:
        choices = {
            "queue": ("codel", service.queue.discipline, ("target", "interval", "newest_first")),
            "cpu": ("quota", service.scheduled, ("period", "machine")),
            "rollout": (ROLLING, service.rollout.strategy, ("max_surge", "max_unavailable")),
        }
        for word, (choice, chosen, keys) in choices.items():
            paths = [f"services.{service.name}.{word}.{key}" for key in keys if chosen != choice]
            for path, node in ((path, loaded.document.find(path)) for path in paths):
                if node.path == path:
                    yield node, f"is of {choice}, and this {word} is {chosen}: it does nothing"


class _Places:
    """Where in a document what is found stands, or the default that stands for it."""

    def __init__(self, loaded: LoadedTopology) -> None:
        self._document = loaded.document
        self._kinds = {service.name: service.kind for service in loaded.topology.services}
        self._ends = {
            f"edges.{edge.caller} -> {edge.callee}": (edge.caller, edge.callee) for edge in loaded.topology.edges
        }

    def of(self, path: str) -> Node:
        """The node at a path, the default for it, or the nearest above."""
        places = [path]
        edge, _, policy = path.rpartition(".")
        if edge in self._ends:
            caller, callee = self._ends[edge]
            # In order of precedence, as the loader has it.
            layers = [
                ("edges_to", callee),
                ("edges_from", caller),
                ("edges_to", self._kinds[callee]),
                ("edges_from", self._kinds[caller]),
            ]
            places += [f"defaults.{layer}.{name}.{policy}" for layer, name in layers] + [f"defaults.edge.{policy}"]
        nodes = [self._document.find(place) for place in places]
        return next((node for node, place in zip(nodes, places, strict=True) if node.path == place), nodes[0])
