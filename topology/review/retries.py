"""Retries and hedges that multiply across layers, and retries that are never made or do not back off."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf

from meshquake.topology.deadlines import own_limit
from meshquake.topology.graph import name_of
from meshquake.topology.policies import Hedge, Retry
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.spec import Edge
from meshquake.topology.units import duration, number

#: How much work one request may become, at worst, before that is worth a warning.
_AMPLIFICATION = 16
#: The most calls that a request may become, and the services along that path.
_Way = tuple[float, tuple[str, ...]]


def amplified(mesh: Mesh) -> Iterator[Finding]:
    """Entries of which one request may become very many calls, because several layers retry or hedge."""
    worst, told = _Worst(mesh), set()
    for entry in mesh.topology.workload.mix:
        times, path = worst.of(name_of(entry))
        if entry.weight and times >= _AMPLIFICATION and path not in told:
            told.add(path)
            last = mesh.edges[path[-2], path[-1]]
            yield (
                path_of(last, "retry" if last.hedge is None else "hedge"),
                f"retries multiply: one request may become {times:.0f} calls along {' -> '.join(path)}",
            )


class _Worst:
    """The worst that a request for an operation may become.

    A layer repeats the attempts of the layers below only if it notices their failure: it retries `dependency_failed`,
    or it times out or hedges while they are still trying. Callees that are cancelled at that point make no more
    attempts.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known: dict[tuple[str, float, float], _Way] = {}

    def of(self, node: str, passed: float = inf, cancelled: float = inf) -> _Way:
        """Return the worst way from a node, given its request's deadline and when it is cancelled (seconds)."""
        key = node, passed, cancelled
        if key not in self._known:
            self._known[key] = self._of(node, passed, cancelled)
        return self._known[key]

    def _of(self, node: str, passed: float, cancelled: float) -> _Way:
        mesh = self._mesh
        caller = mesh.operations.nodes[node]["service"].name
        worst: _Way = (1.0, (caller,))
        for _, callee, data in mesh.operations.out_edges(node, data=True):
            edge = mesh.edges[caller, data["call"].service]
            inherited = passed if edge.inherit_deadline else inf
            attempts = _attempts(edge, min(inherited, cancelled))
            if edge.retry is not None and "dependency_failed" in edge.retry.on:
                times, path = self.of(callee)
                times *= attempts
            elif _goes_on(edge, mesh.patience[callee]):
                carried = min(own_limit(edge), inherited)
                times, path = self.of(callee, carried, min(carried, cancelled) if edge.cancellation else inf)
                times *= attempts
            else:
                times, path = self.of(callee)
                if attempts > times:
                    times, path = attempts, path[:1]
            worst = max(worst, (times, (caller, *path)), key=lambda way: way[0])
        return worst


def _goes_on(edge: Edge, patience: float) -> bool:
    """Whether the caller makes another attempt while its callee is still waiting for its own calls."""
    if edge.hedge is not None:
        return edge.hedge.delay < patience
    if edge.retry is None or edge.timeout is None or "timeout" not in edge.retry.on:
        return False
    return edge.timeout < patience and (edge.overall_timeout is None or edge.timeout < edge.overall_timeout)


def _attempts(edge: Edge, left: float) -> float:
    """Return the worst mean number of attempts of a call, if the first is given up `left` seconds after it was made.

    Limits on retries relative to the number of calls bound that mean, whatever else they allow (a budget's minimum, a
    full bucket, a number at a time): the rest does not grow with the load.
    """
    allowed = 1.0
    if edge.retry is not None:
        allowed = min(edge.retry.max_attempts, 1 + _retries(edge.retry))
    elif edge.hedge is not None:
        allowed = 1 + _hedges(edge.hedge)
    if edge.breaker is not None and edge.breaker.failure_rate < 1:
        # While it's closed, a smaller share than that fails; and calls that it rejects are no work.
        allowed = min(allowed, 1 / (1 - edge.breaker.failure_rate))
    left = min(left, inf if edge.overall_timeout is None else edge.overall_timeout)
    if edge.timeout is not None and left < inf:
        allowed = min(allowed, ceil(left / edge.timeout))
    return allowed


def _retries(retry: Retry) -> float:
    """Return how many retries per call the limits allow however many calls fail; inf without limits."""
    allowed = [inf]
    if retry.budget is not None:
        allowed.append(retry.budget.ratio)
    if retry.tokens is not None:
        # Failures use up what successes give: there are as many retries.
        allowed.append(retry.tokens.ratio)
    if retry.bucket is not None:
        cost = min(retry.bucket.cost, retry.bucket.timeout_cost)
        # The last retry of a call is refunded if it succeeds.
        allowed.append(retry.bucket.deposit / cost + retry.bucket.refund if cost else inf)
    if retry.breaker is not None:
        allowed.append(retry.breaker.failure_rate)
    if retry.concurrent is not None:
        allowed.append(0.0)
    return min(allowed)


def _hedges(hedge: Hedge) -> float:
    """Return the number of hedges per call when all calls are slow."""
    allowed = float(hedge.max_attempts - 1)
    if hedge.percentile is not None:
        # The percentile follows calls that stay slow, so only this share of them is hedged.
        allowed *= 1 - hedge.percentile
    if hedge.budget is not None:
        allowed = min(allowed, hedge.budget.ratio)
    if hedge.tokens is not None:
        allowed = min(allowed, hedge.tokens.ratio)
    return allowed


def steady(mesh: Mesh) -> Iterator[Finding]:
    """Pauses between retries that do not grow."""
    for edge in mesh.topology.edges:
        retry = edge.retry
        if retry is not None and retry.base > retry.maximum:
            yield (
                path_of(edge, "retry"),
                f"its pauses do not grow: the base of {duration(retry.base)} is above the maximum of "
                f"{duration(retry.maximum)}",
            )


def never(mesh: Mesh) -> Iterator[Finding]:
    """Retries that their own limits forbid, and settings for further attempts where there are none."""
    for edge in mesh.topology.edges:
        retry = edge.retry
        if retry is None or retry.max_attempts == 1:
            if edge.avoid_tried and edge.hedge is None:
                yield (
                    path_of(edge, "avoid_tried"),
                    "does nothing: without a retry or a hedge there is one attempt",
                )
            continue
        reason = _forbidden(retry)
        if reason:
            yield path_of(edge, "retry"), f"retries nothing: {reason}"


def _forbidden(retry: Retry) -> str:
    """Return why a limit allows no retry even after a healthy time; empty if all limits allow some."""
    bucket, tokens, budget = retry.bucket, retry.tokens, retry.budget
    if retry.concurrent == 0:
        return "concurrent is 0"
    if budget is not None and not budget.ratio and not budget.minimum:
        return "its budget is 0"
    if tokens is not None and tokens.most <= 2:
        # The failed attempt takes a token first.
        return f"a failure leaves half of its {number(tokens.most)} tokens or fewer"
    if bucket is not None and bucket.capacity < min(bucket.cost, bucket.timeout_cost):
        cost = min(bucket.cost, bucket.timeout_cost)
        return f"its bucket holds {number(bucket.capacity)} tokens, but a retry takes {number(cost)}"
    if retry.breaker is not None and not retry.breaker.failure_rate:
        return "its breaker stops them at the first failure"
    return ""
