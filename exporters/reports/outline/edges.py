"""The policies of the edges."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap

from meshquake.exporters.blocks import Block, Table
from meshquake.topology.outlier import Outlier
from meshquake.topology.policies import CircuitBreaker, Hedge, Pool, Retry
from meshquake.topology.spec import Edge, Topology
from meshquake.topology.units import counted, duration, number, rate, ratio

_NONE = "-"
_WIDTH = 100


def edges(topology: Topology) -> list[Block]:
    """Tabulate the policies of each edge, by caller; a policy that no edge has gets no column."""
    rows = []
    for service in topology.services:
        own = [edge for edge in topology.edges if edge.caller == service.name]
        if own:
            rows.append([service.name, *[""] * len(_COLUMNS)])
        rows += [[f"  {edge.callee}", *[show(edge) for show, _ in _COLUMNS.values()]] for edge in own]
    if not rows:
        return []
    head = ["FROM / TO", *_COLUMNS]
    used = [place for place, cells in enumerate(zip(*rows, strict=True)) if set(cells) - {"", _NONE}]
    table = Table([head[place] for place in used], [[row[place] for place in used] for row in rows], align="<")
    explained = [f"{head[place].capitalize()}: {_COLUMNS[head[place]][1]}." for place in used if place]
    told = " ".join(text for text in explained if not text.endswith(": ."))
    return [table, "", *wrap(told, _WIDTH)]


def _attempts(retry: Retry | None) -> str:
    if retry is None:
        return _NONE
    limits = []
    if retry.budget is not None:
        limits.append(f"{ratio(retry.budget.ratio)}+{rate(retry.budget.minimum)}")
    if retry.tokens is not None:
        limits.append(f"{number(retry.tokens.most)} tokens")
    if retry.bucket is not None:
        limits.append(f"bucket of {number(retry.bucket.capacity)}")
    if retry.breaker is not None:
        limits.append(f"to {ratio(retry.breaker.failure_rate)} failures")
    if retry.concurrent is not None:
        limits.append(f"{retry.concurrent} at a time")
    return f"{retry.max_attempts} ({', '.join(limits)})" if limits else str(retry.max_attempts)


def _hedge(hedge: Hedge | None) -> str:
    if hedge is None:
        return _NONE
    wait = duration(hedge.delay) if hedge.percentile is None else f"{ratio(hedge.percentile)} of times"
    return f"{hedge.max_attempts} after {wait}"


def _deadline(edge: Edge) -> str:
    """Describe whether a call inherits its caller's deadline, and whether giving it up cancels it at the callee."""
    words = [word for word, on in (("inherited", edge.inherit_deadline), ("cancels", edge.cancellation)) if on]
    return ", ".join(words) or _NONE


def _ejects(outlier: Outlier | None) -> str:
    if outlier is None:
        return _NONE
    rules = [str(count) for count in (outlier.consecutive, outlier.gateway) if count is not None]
    rules += [] if outlier.failure_share is None else [ratio(outlier.failure_share.threshold)]
    return f"after {' or '.join(rules) or 'comparison'} for {duration(outlier.ejection)}"


def _breaker(breaker: CircuitBreaker | None) -> str:
    if breaker is None:
        return _NONE
    window = "" if breaker.window_time is None else f"/{duration(breaker.window_time)}"
    return f"{ratio(breaker.failure_rate)} of {breaker.enough}{window}; {duration(breaker.open_for)}"


def _pool(pool: Pool | None) -> str:
    if pool is None:
        return _NONE
    streams = f" x {counted(pool.streams, 'stream')}" if pool.streams > 1 else ""
    pending = "" if pool.pending is None else f", {pool.pending} pending"
    return f"{pool.size}{streams}, {duration(pool.acquire_timeout)}{pending}"


#: Columns of the table: how to show an edge, and an explanation if the heading needs one.
_COLUMNS: dict[str, tuple[Callable[[Edge], str], str]] = {
    "TIMEOUT": (lambda edge: _NONE if edge.timeout is None else duration(edge.timeout), ""),
    "OVERALL": (
        lambda edge: _NONE if edge.overall_timeout is None else duration(edge.overall_timeout),
        "timeout of all attempts together",
    ),
    "ATTEMPTS": (
        lambda edge: _attempts(edge.retry),
        "per call, with the retry budget (share of calls + a number per second)",
    ),
    "HEDGE": (lambda edge: _hedge(edge.hedge), "attempts, and the wait before each further one"),
    "DEADLINE": (
        _deadline,
        "inherited from the caller's caller; a call that is given up is cancelled",
    ),
    "EJECTS": (
        lambda edge: _ejects(edge.outlier),
        "replicas, after this many failures in a row or this share of failures",
    ),
    "AVOIDS": (lambda edge: "tried" if edge.avoid_tried else _NONE, "another attempt goes to another replica"),
    "BREAKER": (
        lambda edge: _breaker(edge.breaker),
        "share of failures that opens it, minimum number of calls (in the window); how long it stays open",
    ),
    "THROTTLE": (
        lambda edge: _NONE if edge.throttle is None else f"{number(edge.throttle.factor)}",
        "calls per accepted one",
    ),
    "BULKHEAD": (lambda edge: _NONE if edge.bulkhead is None else str(edge.bulkhead.max_concurrent), ""),
    "ADAPTIVE": (
        lambda edge: (
            _NONE
            if edge.adaptive_concurrency is None
            else f"{edge.adaptive_concurrency.least}-{edge.adaptive_concurrency.most}"
        ),
        "limit on concurrent calls, at least and at most",
    ),
    "POOL": (lambda edge: _pool(edge.pool), "connections per replica of the caller, longest wait for one"),
    "ADDED": (lambda edge: ", ".join(word for word, _ in edge.policies) or _NONE, "policies from installed packages"),
    "BALANCE": (lambda edge: edge.balance, ""),
    "LATENCY": (lambda edge: duration(edge.latency.expectation(), digits=2), "mean, one way"),
}
