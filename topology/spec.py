"""A mesh as data: frozen types that mirror a topology file. Nothing here runs or changes.

Times are in seconds, rates per second, sizes in bytes, shares in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from meshquake.topology.autoscale import Autoscale
from meshquake.topology.counts import ONCE, Count
from meshquake.topology.disk import Disk
from meshquake.topology.distributions import DAY, Constant, Distribution
from meshquake.topology.environment import CALM, Environment
from meshquake.topology.errors import GIVEN
from meshquake.topology.keys import key
from meshquake.topology.outlier import Outlier
from meshquake.topology.policies import (
    CRITICALITIES,
    AdaptiveConcurrency,
    Backoff,
    Bulkhead,
    CircuitBreaker,
    ClientThrottle,
    Hedge,
    Liveness,
    Pool,
    Queue,
    RateLimit,
    Readiness,
    Retry,
    StartupProbe,
)
from meshquake.topology.replay import Replay
from meshquake.topology.rollout import Rollout
from meshquake.topology.runtimes import runtime
from meshquake.topology.sizes import Size
from meshquake.topology.stacks import STACKS, Stack, stack_of
from meshquake.topology.telemetry import block
from meshquake.topology.telemetry.logs import NONE, Words
from meshquake.topology.users import USUAL, Population
from meshquake.topology.users import Entry as Entry

#: Kinds of service; the kind decides which log lines a service writes and whether it has query metrics.
SERVICE_KINDS = ("gateway", "service", "cache", "database", "external")

#: The entry point group through which installed packages provide catalogues of log lines.
LOGS = "meshquake.logs"

#: Whether a request holds a worker until it's answered, or gives it back once its calls are made.
HANDLERS = ("threads", "async")

#: How a caller chooses among the ready replicas of a callee.
BALANCING = ("round_robin", "random", "least_request")


@dataclass(frozen=True)
class Memory:
    """A replica's memory: a base, a working set for each request in progress, and garbage until it is collected."""

    shorthand: ClassVar[str] = "limit"
    limit: float = key(
        "size",
        "the container's limit; a leak that reaches it is an out-of-memory kill",
        512 * 2**20,
        low=2**20,
        high=2**44,
    )
    base: float = key("ratio", "share of the limit used when idle", 0.3, low=0, high=0.95)
    per_request: float = key("size", "held by each request in progress", 2**20, low=0, high=2**44)
    garbage: float = key(
        "size",
        "left behind by each request, unless its stack has no collector",
        64 * 2**10,
        low=0,
        high=2**44,
    )
    collect_at: float = key(
        "ratio", "garbage, as a share of the limit, that triggers a collection", 0.15, low=0, high=1, above=True
    )


@dataclass(frozen=True)
class Cpu:
    """The cores of a replica, and how work shares them.

    `fifo`: each core runs one piece of work to its end, and the rest waits in order. `fair`: all work shares the cores
    equally, as under a kernel's fair scheduler. `quota`: likewise, but the work may use `limit` core-seconds per
    second, counted in each `period`, on the cores of the `machine`: Kubernetes' CPU limit, which Linux enforces by CFS
    bandwidth control.
    """

    shorthand: ClassVar[str] = "limit"
    limit: float | None = key("cores", "cores per replica (default: one per worker)", None, low=0.001, high=100_000)
    scheduling: str | None = key(
        "choice",
        "how work shares them (default: `fifo`, or `quota` if the limit is not a whole number)",
        None,
        choices=("fifo", "fair", "quota"),
    )
    period: float = key("duration", "`quota`: how often it is refilled", 0.1, low=0.001, high=1)
    machine: float | None = key(
        "cores",
        "`quota`: cores it may be spent on at once (default: one per worker)",
        None,
        low=0.001,
        high=100_000,
    )


@dataclass(frozen=True)
class Call:
    """A call that an operation makes, once or several times.

    If it is a cache lookup, `on_miss` is a chain of calls and own work that follows, one after another, when it misses
    or fails. For any other call, `on_failure` follows when it fails, and `on_success` when it succeeds.
    """

    service: str
    operation: str
    probability: float = key("ratio", "probability that the call is made", 1.0, low=0, high=1)
    optional: bool = key("flag", "its failure does not fail the caller", False)
    hit_rate: float | None = key("ratio", "makes it a cache lookup with this hit rate", None, low=0, high=1)
    on_miss: tuple[Link, ...] = key("other", "calls or work, one after another, when the lookup misses or fails", ())
    times: Count = key("other", "how often it is made, one after another: a count", ONCE)
    at_once: bool = key("flag", "its `times` are made concurrently", False)
    on_success: tuple[Link, ...] = key("other", "calls or work, one after another, each time it succeeds", ())
    on_failure: tuple[Link, ...] = key("other", "calls or work that replace it, one after another, when it fails", ())
    depth: int | None = key(
        "count",
        "how often it may be nested within itself: required of a call that closes a cycle",
        None,
        low=1,
        high=15,
    )
    criticality: str | None = key(
        "choice",
        "how much it and all that follows from it matter (default: as its caller's request)",
        None,
        choices=CRITICALITIES,
    )


@dataclass(frozen=True)
class Work:
    """Own work between calls, or beside them: it needs a core, and slows down like the rest of the operation's work."""

    time: Distribution


@dataclass(frozen=True)
class Sequence:
    """Steps made one after another, as one branch of a group."""

    steps: tuple[Group, ...]


#: One element of a chain that follows a call.
Link = Call | Work
#: One element of a group.
Branch = Call | Work | Sequence
#: Branches that start at the same time; the group is done when all of them are.
Group = tuple[Branch, ...]


@dataclass(frozen=True)
class Operation:
    """What a service does for a request: its own work, then steps, one after another, each a group of branches."""

    instead: ClassVar[Mapping[str, str]] = {
        "after": "work after a call is a step, as in calls: [a.x, work: 3ms]",
        "attributes": "requests have none",
        "latency": "use work for the time of its own work, as in work: 3ms",
        "timeout": "set it on the calls to it, as in edges: {caller -> callee: {timeout: 1s}}",
    }
    name: str
    work: Distribution = key("other", "time that its own work takes, calls excluded (a distribution)", Constant(0.0))
    calls: tuple[Group, ...] = key(
        "other", "calls made one after another after its work; those in a nested list concurrently", ()
    )
    error_rate: float = key(
        "ratio", "share of its requests that fail by themselves, after its work", 0.0, low=0, high=1
    )
    error: str = key("choice", "the error of those requests", "internal", choices=GIVEN)
    contention: float = key(
        "ratio",
        "how much longer its work takes for each request that holds a worker of the replica",
        0.0,
        low=0,
        high=10,
    )
    route: str = key("text", "HTTP request that it answers, as in `GET /api/products/{id}`", "")
    rpc: str = key("text", "RPC that it answers, as in `oteldemo.CartService/GetCart`", "")
    statement: str = key("text", "query that it runs, on a database, as in `SELECT * FROM orders WHERE id = ?`", "")
    command: str = key("text", "command that it runs, on a cache or a database, as in `HGET cart ?`", "")
    size: Size | None = key("spec", "sizes of its messages (default: by kind of service)", None, spec=Size)
    criticality: str | None = key(
        "choice",
        "how much its requests matter (default: as its caller's request; for users, `critical`)",
        None,
        choices=CRITICALITIES,
    )


def pieces(groups: tuple[Group, ...]) -> Iterator[Work]:
    """Yield the own work written in the steps, in order, without the work that follows calls."""
    for group in groups:
        for branch in group:
            if isinstance(branch, Work):
                yield branch
            elif isinstance(branch, Sequence):
                yield from pieces(branch.steps)


def following(groups: tuple[Group, ...]) -> Iterator[Work]:
    """Yield the own work that follows the calls of the steps, in order."""
    for call in made(groups):
        for link in (*call.on_miss, *call.on_success, *call.on_failure):
            if isinstance(link, Work):
                yield link


def made(groups: tuple[Group, ...]) -> Iterator[Call]:
    """Yield the calls written in the steps, in order, without those that follow another call."""
    for group in groups:
        for branch in group:
            if isinstance(branch, Call):
                yield branch
            elif isinstance(branch, Sequence):
                yield from made(branch.steps)


@dataclass(frozen=True)
class Version:
    """One of several versions of a service that run side by side, each on replicas of its own."""

    name: str
    replicas: int = key("count", "number of its replicas (default: the service's)", 1, low=1, high=1000)
    weight: float | None = key(
        "number",
        "share of the calls, relative to the other weights (default: its share of the ready replicas)",
        None,
        low=0,
        high=1e9,
    )
    operations: tuple[Operation, ...] = key("other", "operations that differ from those of the service, by name", ())
    rollout: Rollout = key("spec", "how its replicas are replaced (default: the service's)", Rollout(), spec=Rollout)
    autoscale: Autoscale | None = key(
        "spec", "its autoscaler (default: the service's, separately for each version)", None, none=True, spec=Autoscale
    )


@dataclass(frozen=True)
class Service:
    """A service: identical replicas, each with workers and a bounded queue."""

    instead: ClassVar[Mapping[str, str]] = {
        "attributes": "processes have none; they export version, display_name and system",
        "limits": "cpu and memory are keys of the service",
        "port": "calls find a service by its name",
        "resources": "cpu and memory are keys of the service",
        "retry": "set it on the calls to it, as in edges: {caller -> callee: {retry: 3}}",
        "timeout": "set it on the calls to it, as in edges: {caller -> callee: {timeout: 1s}}",
        "zone": "replicas have none",
    }
    name: str
    kind: str = key("choice", "kind of service", "service", choices=SERVICE_KINDS)
    replicas: int = key("count", "number of replicas", 1, low=1, high=1000)
    workers: int = key("count", "requests a replica handles at once", 16, low=1, high=100_000)
    queue: Queue = key("spec", "requests that may wait for a worker, and which is served next", Queue(), spec=Queue)
    cpu: Cpu = key("spec", "cores of a replica, and how they are shared", Cpu(), spec=Cpu)
    handlers: str = key(
        "choice", "whether a request holds its worker while it waits for its calls", "threads", choices=HANDLERS
    )
    memory: Memory = key("spec", "memory of a replica", Memory(), spec=Memory)
    disk: Disk = key("spec", "volume of a database's replica", Disk(), spec=Disk)
    rate_limit: RateLimit | None = key("spec", "limit on the rate of requests", None, none=True, spec=RateLimit)
    warm_up: float | None = key(
        "duration",
        "of a cache: it starts empty, and this is the time until it has 63% of its hits (default: its "
        "contents survive a restart)",
        None,
        low=0.1,
        high=DAY,
        none=True,
    )
    startup: float = key("duration", "time from process start to first probe", 3.0, low=0, high=3600)
    version: str = key("text", "initial version", "1.0.0")
    display_name: str = key("text", "display name in OTLP, Zipkin, Jaeger and Loki exports (default: its name)", "")
    stack: str = key(
        "choice",
        "what it is built with, which sets the wording of its logs, spans and signals (default for a store: "
        "its system)",
        "",
        choices=tuple(STACKS),
    )
    internal_spans: bool = key(
        "flag", "whether its stack records spans of its own work inside those of its requests", True
    )
    span_attributes: bool = key(
        "flag",
        "whether its stack records in its spans what requests are about: users, statements, addresses",
        True,
    )
    system: str = key(
        "text",
        "product of a database or cache, by its OpenTelemetry name: `mysql`, `mongodb`, ... (default: its stack)",
        "",
    )
    logs: str = key("text", "catalogue of its log lines, from an installed package (default: that of its kind)", "")
    readiness: Readiness = key("spec", "readiness probe", Readiness(), spec=Readiness)
    liveness: Liveness | None = key("spec", "liveness probe", None, none=True, spec=Liveness)
    startup_probe: StartupProbe | None = key("spec", "startup probe", None, none=True, spec=StartupProbe)
    restart_backoff: Backoff | None = key(
        "spec",
        "pauses before a process that ended unexpectedly is started again (default: Kubernetes' with a "
        "liveness or startup probe)",
        None,
        none=True,
        spec=Backoff,
    )
    rollout: Rollout = key("spec", "how its replicas are moved to another version", Rollout(), spec=Rollout)
    autoscale: Autoscale | None = key("spec", "autoscaler", None, none=True, spec=Autoscale)
    operations: tuple[Operation, ...] = key("other", "its operations, by name", ())
    versions: tuple[Version, ...] = key("other", "its versions that run side by side, by name", ())
    #: What files change in its log lines.
    words: Words = NONE

    @property
    def built_with(self) -> Stack | None:
        """The stack it is built with; None if that isn't known."""
        return stack_of(self.stack, self.system)

    @property
    def garbage(self) -> float:
        """Bytes of garbage that each request leaves; 0 if its runtime has no garbage collector."""
        own = runtime(self.stack, self.system)
        collects = own.pause is not None if own is not None else self.built_with is None
        return self.memory.garbage if collects else 0.0

    @property
    def product(self) -> str:
        """The product of a database or cache, by OpenTelemetry's name; empty if it isn't known."""
        return self.system or (STACKS[self.stack].system if self.stack else "")

    def variants(self, operation: Operation) -> tuple[tuple[float, Operation], ...]:
        """Return what each version does for an operation, with the version's share of the calls in a healthy mesh."""
        if not self.versions:
            return ((1.0, operation),)
        amounts = [each.replicas if each.weight is None else each.weight for each in self.versions]
        place = self.operations.index(operation)
        return tuple(
            (amount / sum(amounts), self.operations_of(each.name)[place])
            for amount, each in zip(amounts, self.versions, strict=True)
        )

    def operations_of(self, version: str) -> tuple[Operation, ...]:
        """Return its operations, in the form that a version has them."""
        own = {
            operation.name: operation for each in self.versions if each.name == version for operation in each.operations
        }
        return tuple(own.get(operation.name, operation) for operation in self.operations)

    @property
    def weighted(self) -> bool:
        """Whether calls are split among its versions by weight."""
        return any(version.weight is not None for version in self.versions)

    @property
    def versions_at_first(self) -> list[str]:
        """The version of each initial replica, in order."""
        if not self.versions:
            return [self.version] * self.replicas
        return [version.name for version in self.versions for _ in range(version.replicas)]

    def rollout_of(self, version: str) -> Rollout:
        """Return how the replicas of a version are replaced; the name is empty for a service without versions."""
        return next((each.rollout for each in self.versions if each.name == version), self.rollout)

    def autoscale_of(self, version: str) -> Autoscale | None:
        """Return the autoscaler of a version, None without one; the name is empty for a service without versions."""
        return next((each.autoscale for each in self.versions if each.name == version), self.autoscale)

    def most_replicas_of(self, version: str = "") -> int:
        """Return the most replicas that it, or one of its versions, can reach by itself."""
        sizes = [(each.replicas, each.autoscale) for each in self.versions if version in ("", each.name)]
        return sum(
            max(replicas, autoscale.maximum if autoscale else 0)
            for replicas, autoscale in sizes or [(self.replicas, self.autoscale)]
        )

    @property
    def autoscaled(self) -> bool:
        """Whether it, or any of its versions, has an autoscaler."""
        scalers = [each.autoscale for each in self.versions] or [self.autoscale]
        return any(each is not None for each in scalers)

    @property
    def title(self) -> str:
        """Its name in exported telemetry: the display name if it has one."""
        return self.display_name or self.name

    @property
    def cores(self) -> float:
        """Cores per replica: the limit in the file, or one for each worker, so that work never waits for a core."""
        return self.cpu.limit if self.cpu.limit is not None else self.workers

    @property
    def restarts(self) -> Backoff | None:
        """The pauses before a process is restarted; None if there are none."""
        probed = self.liveness is not None or self.startup_probe is not None
        return Backoff() if self.restart_backoff is None and probed else self.restart_backoff

    @property
    def scheduled(self) -> str:
        """How work shares the cores: `fifo`, `fair` or `quota`."""
        return self.cpu.scheduling or ("fifo" if self.cores % 1 == 0 else "quota")

    @property
    def whole_cores(self) -> int:
        """Number of cores that each run one piece of work to its end; only for `fifo` scheduling."""
        return int(self.cores)

    @property
    def machine(self) -> float:
        """Number of cores that work may run on at the same time."""
        if self.scheduled != "quota":
            return self.cores
        return self.cpu.machine if self.cpu.machine is not None else max(self.workers, self.cores)


@dataclass(frozen=True)
class Edge:
    """The policies of the calls from one service to another."""

    caller: str
    callee: str
    latency: Distribution = key("other", "network time, each way (a distribution)", Constant(0.0005))
    timeout: float | None = key(
        "duration", "longest wait for an answer, pool and queue included", None, low=0, high=DAY, above=True, none=True
    )
    connect_timeout: float = key(
        "duration", "longest wait for a connection that the network drops", 5.0, low=0, high=DAY, above=True
    )
    overall_timeout: float | None = key(
        "duration",
        "longest wait for a call, all attempts and the pauses between them included",
        None,
        low=0,
        high=DAY,
        above=True,
        none=True,
    )
    balance: str = key("choice", "how to choose among ready replicas", "round_robin", choices=BALANCING)
    avoid_tried: bool = key("flag", "a further attempt goes to a replica not yet tried, if there is one", False)
    outlier: Outlier | None = key(
        "spec", "outlier detection: each caller ejects replicas that fail", None, none=True, spec=Outlier
    )
    retry: Retry | None = key("spec", "retries", None, none=True, spec=Retry)
    hedge: Hedge | None = key("spec", "hedges, in place of retries", None, none=True, spec=Hedge)
    breaker: CircuitBreaker | None = key("spec", "circuit breaker", None, none=True, spec=CircuitBreaker)
    bulkhead: Bulkhead | None = key("spec", "limit on concurrent calls", None, none=True, spec=Bulkhead)
    throttle: ClientThrottle | None = key("spec", "client-side throttling", None, none=True, spec=ClientThrottle)
    adaptive_concurrency: AdaptiveConcurrency | None = key(
        "spec", "adaptive limit on concurrent calls", None, none=True, spec=AdaptiveConcurrency
    )
    pool: Pool | None = key("spec", "connection pool", None, none=True, spec=Pool)
    inherit_deadline: bool = key("flag", "no call waits longer than its caller's own caller does", False)
    cancellation: bool = key("flag", "a call that is given up is cancelled, and the callee stops working on it", False)
    policies: tuple[tuple[str, Any], ...] = key("other", "policies from installed packages, by name", ())


@dataclass(frozen=True)
class Objective:
    """What users are promised: of the requests in any `window`, at least `share` are good.

    A request is good if it succeeds within `within`. With fewer than `minimum` bad requests in a window the promise is
    kept whatever their share; otherwise one failure in a quiet minute would break it.
    """

    shorthand: ClassVar[str] = "share"
    share: float = key("ratio", "share of good requests", 0.95, low=0, above=True, high=1)
    within: float = key("duration", "a request that takes longer is not good", 1.0, low=0, above=True, high=DAY)
    window: float = key("duration", "time over which the share is taken, in whole seconds", 10.0, low=1, high=DAY)
    minimum: int = key("count", "fewest bad requests in a window that can break it", 4, low=1, high=1_000_000)


#: What needs a population: keys that people try for it, what such users do, and how to write it.
_POPULATIONS = (
    (("users", "think_time", "patience"), "wait for answers", "users: 50, think_time: 5s, mix: {web.home: 1}"),
    (("journey", "sessions"), "go step by step", "rate: 5/s, journey: [web.home, web.pay]"),
    (("over_time", "profile"), "vary in number", "rate: 5/s, mix: {web.home: 1}, over_time: {sine: 24h}"),
    (("bursts",), "come in bursts", "rate: 5/s, mix: {web.home: 1}, over_time: {bursts: {on: 5s, off: 20s}}"),
    (("replay",), "are replayed from a file", "replay: requests.csv"),
)


@dataclass(frozen=True)
class Workload:
    """The users: requests arrive as a Poisson process for each entry operation (an open workload).

    If there are `populations`, these are all the users; `rate` and `mix` are then the expected totals over all of them.
    """

    instead: ClassVar[Mapping[str, str]] = {
        word: f"users who {how} are a population, as in populations: {{them: {{{form}}}}}"
        for words, how, form in _POPULATIONS
        for word in words
    }
    rate: float = key("rate", "requests per second, over all entries", 20.0, low=0, above=True, high=1_000_000)
    balance: str = key(
        "choice", "how to choose among ready replicas of the entry service", "round_robin", choices=BALANCING
    )
    objective: Objective = key(
        "spec", "what users are promised, for all entries together and for each", Objective(), spec=Objective
    )
    mix: tuple[Entry, ...] = key("other", "weight of each entry operation", ())
    populations: tuple[Population, ...] = key("other", "other kinds of users, by name", ())

    @property
    def answers_matter(self) -> bool:
        """Whether what users do next depends on how they were answered."""
        return any(population.answers_matter for population in self.populations)

    def replayed(self) -> dict[str, Replay]:
        """Return the request files that are replayed, by their names in the topology."""
        return {each.replay.name: each.replay for each in self.populations if each.replay is not None}

    def usual(self) -> dict[str, float]:
        """Return requests per second, by entry operation, of users who arrive however others fare (open workload)."""
        of = next((each for each in self.populations if each.name == USUAL), None)
        rate, mix = (self.rate, self.mix) if of is None else (of.rate or 0.0, of.mix)
        if of is None and self.populations:
            return {}
        total = sum(entry.weight for entry in mix)
        return {str(entry): rate * entry.weight / total for entry in mix}

    def at_rate(self, rate: float) -> Workload:
        """Return the same workload, scaled so that it is expected to make `rate` requests per second."""
        populations = tuple(each.scaled(rate / self.rate) for each in self.populations)
        return replace(self, rate=rate, populations=populations)


@dataclass(frozen=True)
class Room:
    """What the cluster has for all replicas together. A replica that doesn't fit waits until another one goes."""

    shorthand: ClassVar[str] = "cores"
    cores: float | None = key(
        "number",
        "cores for all replicas together (default: enough)",
        None,
        low=0,
        above=True,
        high=10_000_000,
    )
    nodes: int | None = key(
        "count",
        "machines that they run on (default: one for each 8 initial replicas, at least three)",
        None,
        low=1,
        high=1000,
    )


@dataclass(frozen=True)
class Topology:
    """A whole mesh. `edges` has an entry for every pair of services that call each other, with defaults applied.

    `source` is the text it was read from, kept for the manifest.
    """

    name: str
    services: tuple[Service, ...]
    edges: tuple[Edge, ...]
    workload: Workload
    cluster: Room | None = None
    environment: Environment = CALM
    telemetry: block.Telemetry = block.UNCHANGED
    source: str = field(default="", compare=False)

    @property
    def room(self) -> float:
        """Cores for all replicas together; infinite if the file sets no limit."""
        return math.inf if self.cluster is None or self.cluster.cores is None else self.cluster.cores

    def distributions(self) -> set[str]:
        """Return the words of all distributions of time that it uses."""
        operations = [operation for service in self.services for operation in service.operations]
        works = [operation.work for operation in operations]
        works += [piece.time for operation in operations for piece in pieces(operation.calls)]
        works += [piece.time for operation in operations for piece in following(operation.calls)]
        return {part.word for times in (*works, *(edge.latency for edge in self.edges)) for part in times.walk()}

    def recorded_by(self, upper: block.Telemetry) -> Topology:
        """Return the same mesh with a scenario's `telemetry` block laid over its own."""
        telemetry = upper.over(self.telemetry)
        if telemetry == self.telemetry == block.UNCHANGED:
            return self
        internal = telemetry.traces.internal
        services = tuple(
            replace(
                each,
                words=Words.of(telemetry.logs, each.name, each.kind),
                internal_spans=each.internal_spans if internal is None else internal,
            )
            for each in self.services
        )
        return replace(self, telemetry=telemetry, services=services)

    def at_rate(self, rate: float | None) -> Topology:
        """Return the same mesh with `rate` requests per second over all entries; None leaves the rate as it is."""
        return self if rate is None else replace(self, workload=self.workload.at_rate(rate))

    def calm(self) -> Topology:
        """Return the same mesh without an environment: nothing happens by itself."""
        return replace(self, environment=CALM)

    def service(self, name: str) -> Service:
        """Return the service called `name`; KeyError if there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def operation(self, service: str, operation: str) -> Operation:
        """Return an operation of a service, both by name; KeyError if there is none."""
        for candidate in self.service(service).operations:
            if candidate.name == operation:
                return candidate
        raise KeyError(f"{service}.{operation}")
