"""The mesh in plain SimPy, written as its manual suggests: the baseline of the throughput benchmark.

A call is a `Process`, a replica's workers a `Resource`, a caller's timeout `AnyOf` the call and a `Timeout`, concurrent
calls are `AllOf` their processes, a connection pool is a `Resource`, and a record is a dict that `json.dumps` turns
into a line. It doesn't yield for a resource that is granted at once, and starts a process only where something else
runs meanwhile.

It plays the same call trees, policies and balancing as `sim`, and writes the same kinds of record. Left out, which
makes the comparison favour the baseline: faults and readiness probes, cores separate from workers, bulkheads, slow
calls as a reason to open a breaker, opening connections, garbage in memory, addressed randomness (draws come from one
stream in the order of events), and files sorted by time (a record is written when the thing it describes ends).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import simpy

from meshquake.benchmarks.baseline import Counts, repeats, sampler
from meshquake.topology.errors import ERRORS
from meshquake.topology.policies import CircuitBreaker, RetryBudget
from meshquake.topology.spec import Call, Edge, Entry, Group, Topology
from meshquake.topology.spec import Service as Spec

KINDS = ("metrics", "logs", "traces", "events")
START = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
SAMPLING_INTERVAL = 1.0

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
STATES = ("closed", "half_open", "open")
SEVERITIES = ("info", "warning", "error")


def run(topology: Topology, duration: float, seed: int, folder: Path) -> Counts:
    """Simulate `duration` seconds of the mesh, writing one file per kind of record to `folder`, which must exist."""
    with Recorder(folder) as recorder:
        mesh = Mesh(topology, seed, recorder)
        mesh.env.run(until=duration)
    return Counts(mesh.requests, mesh.calls, recorder.records)


class Recorder:
    """The four files of records."""

    def __init__(self, folder: Path) -> None:
        self.records = 0
        self._stack = ExitStack()
        self._files = {
            kind: self._stack.enter_context((folder / f"{kind}.ndjson").open("w", encoding="utf-8")) for kind in KINDS
        }

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, kind: str, /, **record: Any) -> None:
        """Write one record."""
        self._files[kind].write(json.dumps(record) + "\n")
        self.records += 1


class Breaker:
    """A circuit breaker: closed, open, half open."""

    def __init__(self, policy: CircuitBreaker, notify: Callable[[int, str], None]) -> None:
        self._policy = policy
        self._notify = notify
        self.state = CLOSED
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._trials = 0
        self._until = 0.0

    def permits(self, now: float) -> bool:
        """Return whether a call may pass."""
        if self.state == OPEN and now >= self._until:
            self._enter(HALF_OPEN, "trial calls begin")
            self._trials = self._policy.half_open_calls
        if self.state == HALF_OPEN:
            self._trials -= 1
            return self._trials >= 0
        return self.state == CLOSED

    def record(self, now: float, failed: bool) -> None:
        """Record the outcome of a call."""
        if self.state == OPEN:
            return
        policy = self._policy
        self._outcomes.append((now, failed))
        self._failures += failed
        while self._outgrown(now):
            self._failures -= self._outcomes.popleft()[1]
        enough = policy.half_open_calls if self.state == HALF_OPEN else policy.enough
        if len(self._outcomes) < enough:
            return
        if self._failures >= policy.failure_rate * len(self._outcomes):
            self._until = now + policy.open_for
            self._enter(OPEN, f"{self._failures} of {len(self._outcomes)} calls failed")
        elif self.state == HALF_OPEN:
            self._enter(CLOSED, "trial calls succeeded")

    def _outgrown(self, now: float) -> bool:
        if self._policy.window_time is None:
            return len(self._outcomes) > self._policy.window_calls
        return self._outcomes[0][0] < now - self._policy.window_time

    def _enter(self, state: int, reason: str) -> None:
        self.state = state
        self._outcomes.clear()
        self._failures = 0
        self._notify(state, reason)


class Budget:
    """A token bucket for retries: each call adds a fraction of a token, and so does time."""

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        self._tokens = self._most = 1 + policy.minimum * policy.window
        self._filled = 0.0

    def deposit(self) -> None:
        """Account for a call."""
        self._tokens = min(self._most, self._tokens + self._policy.ratio)

    def withdraw(self, now: float) -> bool:
        """Take a token for a retry; returns whether there was one."""
        self._tokens = min(self._most, self._tokens + self._policy.minimum * (now - self._filled))
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Replica:
    """A replica of a service, and its counters since the last sample."""

    def __init__(self, env: simpy.Environment, service: Service, index: int) -> None:
        self.spec = service.spec
        self.service = service
        self.index = index
        self.name = f"{service.spec.name}-{index}"
        self.workers = simpy.Resource(env, capacity=service.spec.workers)
        self.clients: dict[str, Client] = {}
        self.reset()

    def reset(self) -> None:
        """Start a sampling interval."""
        self.worked = 0.0
        self.failures = 0
        self.durations: list[float] = []
        #: Durations from the start of the work to the end: a store's query times.
        self.work_times: list[float] = []

    @property
    def active(self) -> int:
        """The number of requests here, in progress or queued."""
        return self.workers.count + len(self.workers.queue)


class Service:
    """A service and its replicas."""

    def __init__(self, env: simpy.Environment, spec: Spec, random: Random) -> None:
        self.spec = spec
        self.stores = spec.kind in ("database", "cache")
        self.operations = {o.name: (sampler(o.work, random), o.calls) for o in spec.operations}
        self.replicas = [Replica(env, self, index) for index in range(spec.replicas)]


class Client:
    """The state one replica keeps for its calls to one service, and its counters since the last sample."""

    def __init__(
        self, env: simpy.Environment, edge: Edge, owner: Replica, callee: Service, random: Random, recorder: Recorder
    ) -> None:
        self.edge = edge
        self.callee = callee
        self.choose = balancer(edge.balance, callee.replicas, random, owner.index)
        self.latency = sampler(edge.latency, random)
        self.pool = simpy.Resource(env, edge.pool.size) if edge.pool else None
        self.budget = Budget(edge.retry.budget) if edge.retry and edge.retry.budget else None

        def notify(state: int, reason: str) -> None:
            message = f"Circuit breaker of {owner.name} to {edge.callee} is {STATES[state]}: {reason}"
            recorder.write(
                "events",
                timestamp=iso(env.now),
                type=f"circuit_breaker_{STATES[state]}",
                service=edge.caller,
                details=message,
                severity=SEVERITIES[state],
                version=owner.spec.version,
                replica=owner.name,
                attributes={"target": edge.callee, "reason": reason},
            )

        self.breaker = Breaker(edge.breaker, notify) if edge.breaker else None
        self.reset()

    def reset(self) -> None:
        """Start a sampling interval."""
        self.retries = self.timeouts = self.hits = self.misses = 0

    def tries_again(self, error: str, attempt: int, now: float) -> bool:
        """Return whether a failed attempt is followed by another."""
        retry = self.edge.retry
        if retry is None or attempt >= retry.max_attempts or error not in retry.on:
            return False
        return self.budget is None or self.budget.withdraw(now)


class Mesh:
    """The running mesh: its users, the life of a call, and its telemetry."""

    def __init__(self, topology: Topology, seed: int, recorder: Recorder) -> None:
        self.env = env = simpy.Environment()
        self.random = random = Random(seed)
        self.recorder = recorder
        self.requests = 0
        self.calls = 0
        self.edges = topology.edges
        self.services = {spec.name: Service(env, spec, random) for spec in topology.services}
        for edge in topology.edges:
            for replica in self.services[edge.caller].replicas:
                callee = self.services[edge.callee]
                replica.clients[edge.callee] = Client(env, edge, replica, callee, random, recorder)
        workload = topology.workload
        weights = sum(entry.weight for entry in workload.mix)
        for entry in workload.mix:
            if entry.weight > 0:
                env.process(self.users(entry, workload.rate * entry.weight / weights, workload.balance))
        env.process(self.sampling())

    # -- requests -------------------------------------------------------------------------------------------------

    def users(self, entry: Entry, rate: float, balance: str) -> Generator[simpy.Event, Any, None]:
        """Generate users as a Poisson process."""
        choose = balancer(balance, self.services[entry.service].replicas, self.random, 0)
        while True:
            yield self.env.timeout(self.random.expovariate(rate))
            self.requests += 1
            self.env.process(self.handle(choose(), entry.operation, self.new_id(128), None, None, 1))

    def handle(
        self, replica: Replica, operation: str, trace: str, parent: str | None, caller: str | None, attempt: int
    ) -> Generator[simpy.Event, Any, str | None]:
        """Handle a call at a replica; returns the error, or None for a success."""
        env = self.env
        arrived = env.now
        span = self.new_id(64)
        error = None
        workers = replica.workers
        if workers.count == workers.capacity and len(workers.queue) >= replica.spec.queue.limit:
            error = "overloaded"
        else:
            with workers.request() as worker:
                if not worker.triggered:
                    yield worker
                started = env.now
                draw, groups = replica.service.operations[operation]
                work = draw()
                yield env.timeout(work)
                replica.worked += work
                for group in groups:
                    if not (yield from self.call_all(replica, group, trace, span)):
                        error = "dependency_failed"
                        break
            replica.work_times.append(env.now - started)
        replica.durations.append(env.now - arrived)
        replica.failures += error is not None
        self.calls += 1
        self.write_span(replica, "server", operation, trace, span, parent, arrived, error, caller, attempt)
        self.log_handled(replica, operation, trace, span, env.now - arrived, error)
        return error

    def call_all(self, caller: Replica, group: Group, trace: str, parent: str) -> Generator[simpy.Event, Any, bool]:
        """Make the calls of a group concurrently; returns whether the caller may go on."""
        random = self.random.random
        calls = [
            self.call(caller, call, trace, parent)
            for call in group
            if isinstance(call, Call)
            for _ in range(repeats(call, random))
        ]
        if len(calls) == 1:
            return (yield from calls[0])
        if not calls:
            return True
        results = yield self.env.all_of([self.env.process(call) for call in calls])
        return all(results.values())

    def call(self, caller: Replica, call: Call, trace: str, parent: str) -> Generator[simpy.Event, Any, bool]:
        """Make a call, and the follow-up calls if it is a lookup that misses; returns whether the caller may go on."""
        client = caller.clients[call.service]
        error = yield from self.attempts(caller, client, call.operation, trace, parent)
        if call.hit_rate is None:
            return error is None or call.optional
        if error is None:
            if self.random.random() < call.hit_rate:
                client.hits += 1
                return True
            client.misses += 1
            self.log(caller, "DEBUG", "cache", f"Cache miss in {call.service}", trace, parent)
        elif not call.on_miss:
            return call.optional
        for follower in call.on_miss:
            assert isinstance(follower, Call)  # the ten services make no other kind of step
            if not (yield from self.call(caller, follower, trace, parent)):
                return False
        return True

    def attempts(
        self, caller: Replica, client: Client, operation: str, trace: str, parent: str
    ) -> Generator[simpy.Event, Any, str | None]:
        """Retry until an attempt succeeds or no further one is allowed; returns the last error."""
        if client.budget is not None:
            client.budget.deposit()
        attempt = 1
        while True:
            error = yield from self.attempt(caller, client, operation, trace, parent, attempt)
            if error is None:
                return None
            peer = f"{client.edge.callee}.{operation}"
            if not client.tries_again(error, attempt, self.env.now):
                self.log(caller, "ERROR", "client", f"{peer} failed: {error} (attempt {attempt})", trace, parent)
                return error
            self.log(caller, "WARN", "client", f"{peer} failed: {error}, attempt {attempt}; retrying", trace, parent)
            client.retries += 1
            retry = client.edge.retry
            assert retry is not None
            yield self.env.timeout(self.random.random() * min(retry.base * (2**attempt - 1), retry.maximum))
            attempt += 1

    def attempt(
        self, caller: Replica, client: Client, operation: str, trace: str, parent: str, attempt: int
    ) -> Generator[simpy.Event, Any, str | None]:
        """Make one attempt, subject to the breaker and the timeout; returns the error."""
        env = self.env
        sent = env.now
        span = self.new_id(64)
        breaker = client.breaker
        error: str | None
        if breaker is not None and not breaker.permits(sent):
            error = "circuit_open"
        else:
            answer = env.process(self.exchange(caller, client, operation, trace, span, attempt))
            if client.edge.timeout is None:
                error = yield answer
            else:
                yield answer | env.timeout(client.edge.timeout)
                # The callee keeps working on a call that nobody waits for any more.
                error = answer.value if answer.triggered else "timeout"
                client.timeouts += error == "timeout"
            if breaker is not None:
                breaker.record(env.now, error is not None)
        peer = client.edge.callee
        self.write_span(caller, "client", operation, trace, span, parent, sent, error, peer, attempt)
        return error

    def exchange(
        self, caller: Replica, client: Client, operation: str, trace: str, span: str, attempt: int
    ) -> Generator[simpy.Event, Any, str | None]:
        """Send a call to a replica and return its answer, over a pooled connection if there is a pool."""
        pool = client.pool
        if pool is None:
            return (yield from self.round_trip(caller, client, operation, trace, span, attempt))
        with pool.request() as connection:
            if not connection.triggered:
                self.write_pool_exhausted(caller, client)
                policy = client.edge.pool
                assert policy is not None
                yield connection | self.env.timeout(policy.acquire_timeout)
                if not connection.triggered:
                    return "pool_timeout"
            return (yield from self.round_trip(caller, client, operation, trace, span, attempt))

    def round_trip(
        self, caller: Replica, client: Client, operation: str, trace: str, span: str, attempt: int
    ) -> Generator[simpy.Event, Any, str | None]:
        """Cross the network, run the callee, and cross the network again."""
        env = self.env
        yield env.timeout(client.latency())
        error = yield from self.handle(client.choose(), operation, trace, span, caller.spec.name, attempt)
        yield env.timeout(client.latency())
        return error

    # -- spans, logs, events ------------------------------------------------------------------------------------------

    def new_id(self, bits: int) -> str:
        """Return a random id in lower-case hex."""
        return f"{self.random.getrandbits(bits):0{bits // 4}x}"

    def write_span(
        self,
        replica: Replica,
        kind: str,
        operation: str,
        trace: str,
        span: str,
        parent: str | None,
        start: float,
        error: str | None,
        peer: str | None,
        attempt: int,
    ) -> None:
        """Write the span that ends now."""
        self.recorder.write(
            "traces",
            timestamp=iso(start),
            trace_id=trace,
            span_id=span,
            parent_span_id=parent,
            service=replica.spec.name,
            operation=f"{replica.spec.name if kind == 'server' else peer}.{operation}",
            duration_ms=round((self.env.now - start) * 1000, 3),
            status="success" if error is None else "error",
            kind=kind,
            error_type=error,
            status_code=200 if error is None else ERRORS[error].status,
            peer=peer,
            replica=replica.name,
            version=replica.spec.version,
            attempt=attempt,
        )

    def log_handled(
        self, replica: Replica, operation: str, trace: str, span: str, duration: float, error: str | None
    ) -> None:
        """Log that a replica handled a call."""
        if error is None:
            self.log(replica, "INFO", "handler", f"Handled {operation} in {duration * 1000:.1f} ms", trace, span)
        else:
            self.log(replica, "ERROR", "handler", f"{operation} failed: {error}", trace, span)

    def log(self, replica: Replica, level: str, logger: str, message: str, trace: str, span: str) -> None:
        """Log a line from a replica."""
        self.recorder.write(
            "logs",
            timestamp=iso(self.env.now),
            service=replica.spec.name,
            level=level,
            message=message,
            trace_id=trace,
            span_id=span,
            logger=logger,
            replica=replica.name,
        )

    def write_pool_exhausted(self, caller: Replica, client: Client) -> None:
        """Record that a call has to wait for a connection."""
        assert client.pool is not None
        in_use = f"{client.pool.count}/{client.pool.capacity} in use, {len(client.pool.queue)} waiting"
        self.recorder.write(
            "events",
            timestamp=iso(self.env.now),
            type="pool_exhausted",
            service=caller.spec.name,
            details=f"No free connection to {client.edge.callee} ({in_use})",
            severity="warning",
            version=caller.spec.version,
            replica=caller.name,
            attributes={"target": client.edge.callee},
        )

    # -- metrics ------------------------------------------------------------------------------------------------------

    def sampling(self) -> Generator[simpy.Event, Any, None]:
        """Sample every metric at each interval, forever."""
        while True:
            yield self.env.timeout(SAMPLING_INTERVAL)
            for service in self.services.values():
                self.sample_replicas(service.spec.name, None, service.replicas)
                for replica in service.replicas:
                    self.sample_replicas(service.spec.name, replica.name, [replica])
                if service.stores:
                    self.sample_store(service)
            for edge in self.edges:
                clients = [(r.name, r.clients[edge.callee]) for r in self.services[edge.caller].replicas]
                self.sample_edge(edge, clients)
            for service in self.services.values():
                for replica in service.replicas:
                    replica.reset()
                    for client in replica.clients.values():
                        client.reset()

    def sample_replicas(self, service: str, name: str | None, replicas: list[Replica]) -> None:
        """Write the metrics of one replica, or of a service as a whole."""
        count = len(replicas)
        spec = replicas[0].spec
        durations = sorted(duration for replica in replicas for duration in replica.durations)
        active = sum(replica.active for replica in replicas)
        worked = sum(replica.worked for replica in replicas)
        busy = sum(replica.workers.count for replica in replicas)
        memory = spec.memory.base + spec.memory.per_request * active / (count * spec.memory.limit)
        self.gauge(service, "cpu_usage", min(100.0, 100 * worked / (count * spec.cores * SAMPLING_INTERVAL)), "%", name)
        self.gauge(service, "memory_usage", min(100.0, 100 * memory), "%", name)
        self.gauge(service, "active_requests", active, "requests", name)
        self.gauge(service, "queue_depth", sum(len(replica.workers.queue) for replica in replicas), "requests", name)
        self.gauge(service, "worker_utilization", 100 * busy / (count * spec.workers), "%", name)
        self.gauge(service, "request_rate", len(durations) / SAMPLING_INTERVAL, "1/s", name)
        failures = sum(replica.failures for replica in replicas)
        self.gauge(service, "error_rate", 100 * failures / len(durations) if durations else 0.0, "%", name)
        self.quantiles(service, "latency", durations, name)

    def sample_store(self, service: Service) -> None:
        """Write the metrics of a database or a cache."""
        name = service.spec.name
        callers = [
            replica.clients[name]
            for other in self.services.values()
            for replica in other.replicas
            if name in replica.clients
        ]
        self.quantiles(name, "query_time", sorted(t for replica in service.replicas for t in replica.work_times), None)
        pools = [client.pool for client in callers if client.pool is not None]
        if pools:
            self.gauge(name, "connections_in_use", sum(pool.count for pool in pools), "connections")
            self.gauge(name, "connections_opened", 0.0, "1/s")
        hits = sum(client.hits for client in callers)
        lookups = hits + sum(client.misses for client in callers)
        if lookups:
            self.gauge(name, "cache_hit_rate", 100 * hits / lookups, "%")

    def sample_edge(self, edge: Edge, clients: list[tuple[str, Client]]) -> None:
        """Write the metrics of an edge, from each caller's side."""
        caller, callee = edge.caller, edge.callee
        retries = sum(client.retries for _, client in clients)
        timeouts = sum(client.timeouts for _, client in clients)
        self.gauge(caller, "retry_rate", retries / SAMPLING_INTERVAL, "1/s", target=callee)
        self.gauge(caller, "timeout_rate", timeouts / SAMPLING_INTERVAL, "1/s", target=callee)
        states = {name: client.breaker.state for name, client in clients if client.breaker is not None}
        if states:
            self.gauge(caller, "circuit_breaker_state", max(states.values()), "state", target=callee)
        for name, state in states.items():
            self.gauge(caller, "circuit_breaker_state", state, "state", name, callee)
        in_use = {name: client.pool.count for name, client in clients if client.pool is not None}
        if in_use:
            self.gauge(caller, "pool_in_use", sum(in_use.values()), "connections", target=callee)
        for name, count in in_use.items():
            self.gauge(caller, "pool_in_use", count, "connections", name, callee)

    def quantiles(self, service: str, metric: str, ordered: list[float], replica: str | None) -> None:
        """Write p50, p95 and p99 of ascending times (seconds), by nearest rank; nothing if there are no times."""
        if ordered:
            for percent in (50, 95, 99):
                value = ordered[ceil(percent * len(ordered) / 100) - 1]
                self.gauge(service, f"{metric}_p{percent}", value * 1000, "ms", replica)

    def gauge(
        self,
        service: str,
        metric: str,
        value: float,
        unit: str,
        replica: str | None = None,
        target: str | None = None,
    ) -> None:
        """Write one sample."""
        self.recorder.write(
            "metrics",
            timestamp=iso(self.env.now),
            service=service,
            metric=metric,
            value=round(value, 3),
            unit=unit,
            replica=replica,
            target=target,
        )


def balancer(balance: str, replicas: list[Replica], random: Random, start: int) -> Callable[[], Replica]:
    """Return a function that picks the replica of the next call; `start` is where a round robin begins."""
    count = len(replicas)
    if count == 1:
        return lambda: replicas[0]
    if balance == "round_robin":
        return islice(cycle(replicas), start % count, None).__next__
    if balance == "random":
        return lambda: replicas[int(random.random() * count)]

    def less_busy() -> Replica:
        first = int(random.random() * count)
        second = (first + 1 + int(random.random() * (count - 1))) % count
        return min(replicas[first], replicas[second], key=lambda replica: replica.active)

    return less_busy


def iso(time: float) -> str:
    """Format a time in ISO 8601 with microseconds."""
    return (START + timedelta(seconds=time)).isoformat(timespec="microseconds")
