"""How callers protect themselves: timeouts, retries, breakers, bulkheads, pools. Data only.

The behaviour is in `sim/policies/`. Nothing here is on unless a topology file says so; a policy block that is present
takes the defaults below, which follow the product named in each type.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol

from meshquake.topology.errors import ERRORS, MET
from meshquake.topology.keys import key
from meshquake.topology.plugins import Extensible

#: How much requests matter, the most critical first ("Handling Overload", Site Reliability Engineering, 2016).
CRITICALITIES = ("critical_plus", "critical", "sheddable_plus", "sheddable")
#: What a probe can check.
LOOKS = ("queue", "process")
_RETRYABLE = tuple(error.name for error in ERRORS.values() if error.retryable)


@dataclass(frozen=True)
class RetryBudget:
    """A limit on the share of calls that are retries, as in Finagle and Linkerd.

    Over the last `window`, retries may be `ratio` of the calls plus `minimum` per second.
    """

    shorthand: ClassVar[str] = "ratio"
    ratio: float = key("ratio", "retries allowed per call", 0.2, low=0, high=10)
    minimum: float = key("rate", "retries allowed regardless of the load", 10.0, low=0, high=1_000_000)
    window: float = key("duration", "time for which a call counts towards the budget", 10.0, low=1, high=600)


@dataclass(frozen=True)
class RetryTokens:
    """Tokens without which no call is retried, as in gRPC (gRFC A6, `retryThrottling`).

    There are `most` tokens at first, which is also their maximum. A failed attempt takes one, a successful one gives
    back `ratio` of one. There are no retries and no hedges while half of the tokens or fewer are left.
    """

    shorthand: ClassVar[str] = "most"
    most: float = key("number", "most tokens, and the number at the start (`maxTokens`)", 10.0, low=1, high=1000)
    ratio: float = key("ratio", "tokens that a success gives back (`tokenRatio`)", 0.1, low=0.001, high=1000)


@dataclass(frozen=True)
class RetryBucket:
    """A bucket of saved tokens that pays for retries. The defaults are those of the AWS SDKs' standard mode.

    It is full at first. A retry takes `cost` tokens (`timeout_cost` after a timeout), and is not made if there are
    fewer. Each call adds `deposit`; with `refund`, a successful retry gives back what it took. M. Brooker's bucket
    (https://brooker.co.za/blog/2022/02/28/retries.html) has a cost of 1, a deposit of 0.1 per call, and no refund.
    """

    shorthand: ClassVar[str] = "capacity"
    capacity: float = key("number", "most tokens, and the number at the start", 500.0, low=0, high=1e9)
    cost: float = key("number", "tokens that a retry costs", 5.0, low=0, high=1e9)
    timeout_cost: float = key("number", "tokens that a retry after a timeout costs", 10.0, low=0, high=1e9)
    deposit: float = key("number", "tokens that a call deposits", 1.0, low=0, high=1e9)
    deposit_by: str = key(
        "choice",
        "which calls deposit: every call as it is made, or those whose first attempt succeeds",
        "successes",
        choices=("calls", "successes"),
    )
    refund: bool = key("flag", "whether a retry that succeeds gives back its tokens", True)


@dataclass(frozen=True)
class RetryBreaker:
    """A breaker that only stops retries (M. Brooker, as above).

    There are no retries while more than `failure_rate` of the calls of the last `window` failed: failed attempts, as a
    share of the calls that were made. Calls go on, so it notices by itself when the failures are over.
    """

    shorthand: ClassVar[str] = "failure_rate"
    failure_rate: float = key("ratio", "share of failures above which nothing is retried", 0.1, low=0, high=1)
    window: float = key("duration", "time for which a call and a failure count", 10.0, low=1, high=600)


@dataclass(frozen=True)
class Retry:
    """Further attempts after a failure, each after a random pause.

    The pause before attempt n+1 is uniform in [0, min(base * (2^n - 1), maximum)): Envoy's fully jittered exponential
    backoff. If the callee says when to try again (429, `Retry-After`), the caller waits for that time plus up to half
    of it (Envoy's `rate_limited_retry_back_off`).
    """

    shorthand: ClassVar[str] = "max_attempts"
    max_attempts: int = key("count", "attempts for one call, the first included", 3, low=1, high=10)
    base: float = key("duration", "scale of the pause before the second attempt", 0.025, low=0, high=60)
    maximum: float = key("duration", "longest pause", 0.25, low=0, high=600)
    on: tuple[str, ...] = key("choice", "errors that are retried", _RETRYABLE, choices=MET, many=True)
    retry_after: float | None = key(
        "duration",
        "longest `Retry-After` that is obeyed; a longer one is ignored",
        300.0,
        low=0,
        high=86_400,
        none=True,
    )
    budget: RetryBudget | None = key("spec", "limit on the share of retries", None, none=True, spec=RetryBudget)
    tokens: RetryTokens | None = key("spec", "tokens that failures use up (gRPC)", None, none=True, spec=RetryTokens)
    bucket: RetryBucket | None = key("spec", "saved tokens that pay for retries", None, none=True, spec=RetryBucket)
    concurrent: int | None = key(
        "count", "concurrent retries (Envoy's `max_retries`)", None, low=0, high=1_000_000, none=True
    )
    breaker: RetryBreaker | None = key("spec", "breaker that stops only retries", None, none=True, spec=RetryBreaker)


@dataclass(frozen=True)
class Hedge:
    """Concurrent attempts: another one after each `delay` without an answer; the first success is taken.

    Dean and Barroso, "The Tail at Scale"; the rules are gRPC's (gRFC A6, `hedgingPolicy`). An edge has either this or
    retries. After an error that is `non_fatal` the next attempt starts at once; any other error is the answer. In gRPC
    no error is non-fatal by default; here the errors that are retried are.
    """

    shorthand: ClassVar[str] = "delay"
    delay: float = key("duration", "wait before the next attempt (`hedgingDelay`)", low=0, high=3600)
    max_attempts: int = key("count", "attempts for one call, the first included", 2, low=2, high=5)
    percentile: float | None = key(
        "ratio",
        "replaces the delay after 100 calls: this percentile of the times of the last thousand first attempts "
        "(Finagle)",
        None,
        low=0,
        above=True,
        high=1,
        none=True,
    )
    non_fatal: tuple[str, ...] = key(
        "choice",
        "errors that leave the result to other attempts (`nonFatalStatusCodes`)",
        _RETRYABLE,
        choices=MET,
        many=True,
    )
    budget: RetryBudget | None = key("spec", "limit on the share of hedges", None, none=True, spec=RetryBudget)
    tokens: RetryTokens | None = key("spec", "tokens that failures use up (gRPC)", None, none=True, spec=RetryTokens)


@dataclass(frozen=True)
class CircuitBreaker:
    """Stop calling a callee that fails: resilience4j's breaker (closed, open, half open).

    Each caller replica has one for each edge. It opens when, among the last `window_calls` outcomes (or those of the
    last `window_time`), at least `minimum_calls`, the share of failures reaches `failure_rate` or the share of calls
    slower than `slow_call` reaches `slow_rate`. This is checked after each outcome, good or bad. After `open_for`,
    `half_open_calls` trial calls decide by the same thresholds. A rejection by the caller itself (bulkhead, pool) is
    not an outcome of the callee and isn't counted. A minimum above a count window is lowered to the window's size
    (`CircuitBreakerConfig.Builder.slidingWindow`).
    """

    window_calls: int = key("count", "outcomes remembered (count window)", 100, low=1, high=100_000)
    window_time: float | None = key(
        "duration",
        "age of outcomes remembered (time window, replaces the count)",
        None,
        low=0.1,
        high=3600,
        none=True,
    )
    minimum_calls: int = key("count", "outcomes needed before it may open", 100, low=1, high=100_000)
    failure_rate: float = key("ratio", "share of failures that opens it", 0.5, low=0, high=1, above=True)
    slow_call: float = key("duration", "a call that takes longer is slow", 60.0, low=0, high=86_400, above=True)
    slow_rate: float = key("ratio", "share of slow calls that opens it", 1.0, low=0, high=1, above=True)
    open_for: float = key("duration", "time until trial calls", 60.0, low=0, high=86_400, above=True)
    half_open_calls: int = key("count", "number of trial calls that decide", 10, low=1, high=10_000)

    @property
    def enough(self) -> int:
        """Number of outcomes in the window that suffice for a decision."""
        return self.minimum_calls if self.window_time is not None else min(self.minimum_calls, self.window_calls)


@dataclass(frozen=True)
class Bulkhead:
    """A limit on concurrent calls from a caller replica to a callee; more fail at once (resilience4j, no wait)."""

    shorthand: ClassVar[str] = "max_concurrent"
    max_concurrent: int = key("count", "concurrent calls allowed", 25, low=1, high=1_000_000)


@dataclass(frozen=True)
class ClientThrottle:
    """A caller rejects calls that its callee would reject anyway (Google's SRE book, "Handling Overload").

    Of the requests of the last `window`, the caller immediately rejects a share of (requests - `factor` * accepts) /
    (requests + 1), if that is positive. A request is accepted if it was answered with anything but a refusal.
    """

    shorthand: ClassVar[str] = "factor"
    factor: float = key("number", "requests per accepted one before any is refused (K)", 2.0, low=1, high=100)
    window: float = key("duration", "time for which a request counts", 120.0, low=1, high=3600)


@dataclass(frozen=True)
class AdaptiveConcurrency:
    """A limit on concurrent calls that follows their latency: Envoy's gradient controller.

    Every `interval` the limit becomes g * limit + sqrt(g * limit), where g is the latency without a queue, plus
    `buffer`, divided by the measured latency (a percentile), between 0.5 and 2.
    """

    interval: float = key("duration", "time between updates (`concurrency_update_interval`)", 0.1, low=0.001, high=600)
    percentile: float = key(
        "ratio",
        "percentile of call times that is compared (`sample_aggregate_percentile`)",
        0.5,
        low=0,
        above=True,
        high=1,
    )
    least: int = key("count", "lowest limit, also used while the minimum is measured", 3, low=1, high=1_000_000)
    most: int = key("count", "highest limit (`max_concurrency_limit`)", 1000, low=1, high=1_000_000)
    remeasure: float = key("duration", "time between measurements of the minimum", 60.0, low=0.1, high=86_400)
    jitter: float = key("ratio", "largest random extension of that time", 0.15, low=0, high=1)
    samples: int = key("count", "calls that measure the minimum (`request_count`)", 50, low=1, high=100_000)
    buffer: float = key("ratio", "by how much longer calls may take", 0.25, low=0, high=10)


@dataclass(frozen=True)
class Pool:
    """Connections from a caller replica to a callee, each for one call at a time (as in JDBC pools).

    A call waits at most `acquire_timeout` for a free connection. A connection that failed is closed; opening another
    takes a round trip and `connect` of the callee's work, which is the first cost that a recovering database pays. A
    query that nobody waits for any more keeps its connection until the callee answers.
    """

    shorthand: ClassVar[str] = "size"
    size: int = key("count", "number of connections", 10, low=1, high=100_000)
    acquire_timeout: float = key("duration", "longest wait for a connection", 1.0, low=0, high=600)
    connect: float = key("duration", "work that the callee does to accept a connection", 0.01, low=0, high=60)
    pending: int | None = key(
        "count",
        "calls that may wait for one; any more fail at once (Envoy's `max_pending_requests`)",
        None,
        low=0,
        high=10_000_000,
        none=True,
    )
    streams: int = key(
        "count", "concurrent calls on a connection (HTTP/2's `max_concurrent_streams`)", 1, low=1, high=100_000
    )
    notices: bool = key(
        "flag", "whether it notices that a process has ended before it uses an idle connection to it", True
    )


@dataclass(frozen=True)
class Queue:
    """Requests that wait for a worker of a replica, and which of them is next.

    `fifo` and `lifo`: the oldest or the newest. `codel`: the oldest; a request that arrives while the queue has not
    been empty for an `interval` may wait for `target`, any other for `interval`, and one that has waited longer is
    shed. `priority`: the most critical; a request that finds the queue full replaces a less critical one.
    """

    shorthand: ClassVar[str] = "limit"
    limit: int = key(
        "count", "requests per replica that may wait for a worker; any more are shed", 64, low=0, high=10_000_000
    )
    discipline: str = key(
        "choice", "which request gets a worker next", "fifo", choices=("fifo", "lifo", "codel", "priority")
    )
    target: float = key("duration", "`codel`: longest wait while a queue stands", 0.005, low=0, high=600)
    interval: float = key(
        "duration",
        "`codel`: a queue that has not been empty for this long stands; longest wait otherwise",
        0.1,
        low=0,
        high=600,
    )
    newest_first: bool = key("flag", "`codel`: the newest is next while a queue stands (adaptive LIFO)", False)


@dataclass(frozen=True)
class RateLimit:
    """Envoy's local rate limit: each replica has a token bucket, from which each request takes a token.

    A request that finds none gets a 429 at once, which says when the next token comes (`Retry-After`, in seconds).
    """

    max_tokens: int = key("count", "tokens in a full bucket: the burst that is let through", low=1, high=1_000_000_000)
    fill_interval: float = key("duration", "time between refills", low=0.001, high=86_400)
    tokens_per_fill: int = key("count", "tokens added each interval", 1, low=1, high=1_000_000_000)
    retry_after: bool = key("flag", "whether the answer says when to retry", True)


@dataclass(frozen=True)
class Readiness:
    """Kubernetes' readiness probe, for each replica of a service; a replica that isn't ready gets no calls."""

    kind: ClassVar[str] = "readiness"
    period: float = key("duration", "time between probes", 5.0, low=0.1, high=600)
    failure_threshold: int = key("count", "failures in a row that eject a replica", 3, low=1, high=100)
    success_threshold: int = key("count", "successes in a row that restore it", 1, low=1, high=100)
    timeout: float = key("duration", "a probe that takes longer fails", 1.0, low=0.001, high=600)
    looks_at: str = key(
        "choice", "whether a full queue fails it, or only a process that is down", "queue", choices=LOOKS
    )


@dataclass(frozen=True)
class Liveness:
    """Kubernetes' liveness probe, for each replica of a service; a process that fails it is stopped and restarted.

    Probing starts `initial_delay` after the start of a process. A process that fails has `grace` to finish its
    requests.
    """

    kind: ClassVar[str] = "liveness"
    period: float = key("duration", "time between probes", 10.0, low=0.1, high=600)
    failure_threshold: int = key("count", "failures in a row that end the process", 3, low=1, high=100)
    initial_delay: float = key("duration", "time from the start of a process to its first probe", 0.0, low=0, high=3600)
    timeout: float = key("duration", "a probe that takes longer fails", 1.0, low=0.001, high=600)
    grace: float = key("duration", "time that its requests have to finish", 30.0, low=0, high=3600)
    looks_at: str = key(
        "choice", "whether a full queue fails it, or only a process that hangs or is down", "process", choices=LOOKS
    )


@dataclass(frozen=True)
class StartupProbe:
    """Kubernetes' startup probe, for each replica of a service: until it succeeds once, the other probes don't run.

    A process that fails it is stopped and restarted; one that has started is not probed any more.
    """

    kind: ClassVar[str] = "startup"
    looks_at: ClassVar[str] = "process"
    period: float = key("duration", "time between probes", 10.0, low=0.1, high=600)
    failure_threshold: int = key("count", "failures in a row that end the process", 3, low=1, high=1000)
    initial_delay: float = key("duration", "time from the start of a process to its first probe", 0.0, low=0, high=3600)
    timeout: float = key("duration", "a probe that takes longer fails", 1.0, low=0.001, high=600)

    @property
    def patience(self) -> float:
        """The longest time (seconds) that a process may take to start and still pass the last probe."""
        return self.initial_delay + self.period * (self.failure_threshold - 1)


#: Probes of a replica.
Probe = Readiness | Liveness | StartupProbe
#: Their names.
PROBES = tuple(each.kind for each in (Readiness, Liveness, StartupProbe))


@dataclass(frozen=True)
class Backoff:
    """The kubelet's pauses before it restarts a process (CrashLoopBackOff): none the first time, then doubling."""

    shorthand: ClassVar[str] = "base"
    base: float = key("duration", "pause before the second restart", 10.0, low=0, high=3600)
    maximum: float = key("duration", "longest pause", 300.0, low=0, high=86_400)
    reset: float = key("duration", "a process that has lived for this long resets the count", 600.0, low=0, high=86_400)


class AddedPolicy(Protocol):
    """A caller policy that an installed package adds: a class derived from `meshquake.extending.CallerPolicy`."""

    #: Its name under `policies` of an edge.
    word: ClassVar[str]
    #: The type of its settings in a topology file: a frozen dataclass whose fields are made by `topology.keys.key`.
    settings: ClassVar[type]

    def __init__(self, settings: Any) -> None:
        """Create the policy for one replica of the caller, whose process is starting."""


def _misfit(name: str, value: Any) -> str:
    """Return why an object cannot be a policy; empty if it can, as far as can be told without running it."""
    if not isinstance(value, type):
        return "must be a class derived from meshquake.extending.CallerPolicy"
    if getattr(value, "word", None) != name:
        return f"must have the name of its entry point: word = {name!r}"
    if not all(callable(getattr(value, hook, None)) for hook in ("admit", "settle", "end")):
        return "must be derived from meshquake.extending.CallerPolicy"
    settings = getattr(value, "settings", None)
    if not (isinstance(settings, type) and is_dataclass(settings) and vars(settings)["__dataclass_params__"].frozen):
        return "settings must be a frozen dataclass"
    return "" if all("key" in field.metadata for field in fields(settings)) else "settings must have fields made by key"


#: Names of the caller policies that don't come from packages.
BUILT_IN = (
    "versions",
    "hedge",
    "deadline",
    "budget",
    "tokens",
    "bucket",
    "retry_breaker",
    "retry_concurrency",
    "throttle",
    "outlier",
    "avoid_tried",
    "breaker",
    "bulkhead",
    "adaptive_concurrency",
    "retry",
    "timeout",
    "pool",
)
#: The caller policies that installed packages add.
ADDED: Extensible[type[AddedPolicy]] = Extensible("meshquake.policies", {}, _misfit, reserved=BUILT_IN)
