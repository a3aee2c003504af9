"""Timeouts that are too short: for the healthy work they wait for, or for the callee's own patience."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from meshquake.topology.deadlines import own_limit
from meshquake.topology.errors import FOLLOWED
from meshquake.topology.graph import name_of
from meshquake.topology.review.mesh import TOO_SLOW, Finding, Mesh, path_of
from meshquake.topology.spec import Edge
from meshquake.topology.units import duration, ratio


def hasty(mesh: Mesh) -> Iterator[Finding]:
    """Timeouts shorter than the healthy work they wait for."""
    for edge in mesh.topology.edges:
        limit = own_limit(edge)
        times = mesh.times(edge) if limit < inf else {}
        late = {callee: float(np.mean(sample > limit)) for callee, sample in times.items()}
        worst = max(late, key=late.__getitem__, default=None)
        if worst is not None and late[worst] >= TOO_SLOW:
            mean, tail = float(times[worst].mean()), float(np.quantile(times[worst], 0.99))
            yield (
                path_of(edge, _key(edge)),
                f"{edge.caller} waits {duration(limit)} for {mesh.name(worst)}, but "
                f"{ratio(late[worst], digits=2)} of its healthy answers take longer "
                f"(mean {duration(mean, digits=2)}, p99 {duration(tail, digits=2)})",
            )


@dataclass(frozen=True)
class _Outlasted:
    """A call whose callee still waits for others, for `patience` seconds, when its caller goes on at a `limit`."""

    edge: Edge
    callee: str
    limit: float
    deadline: float
    patience: float

    @property
    def reason(self) -> tuple[str, str]:
        """The key that makes the caller go on so early, and how the message explains it."""
        if self.limit == own_limit(self.edge):
            return _key(self.edge), ""
        if self.limit == self.deadline:
            return "inherit_deadline", " when its inherited deadline expires"
        return "cancellation", " when it is cancelled"


def inverted(mesh: Mesh) -> Iterator[Finding]:
    """Callers that give up while a callee, by its own timeouts, still waits for others: the worst call of each caller.

    A callee that is cancelled stops in time; its own calls do so only if they are cancelled too.
    """
    inverted: dict[str, dict[str, _Outlasted]] = defaultdict(dict)
    for node, callee, data in mesh.operations.edges(data=True):
        edge = mesh.edges[mesh.operations.nodes[node]["service"].name, data["call"].service]
        limit, deadline = mesh.deadlines.of(node, edge), mesh.deadlines.carried(node, edge)
        if edge.cancellation or limit == inf or callee not in mesh.calls[edge.caller, edge.callee]:
            continue
        patience, found = mesh.patience.within(callee, deadline), inverted[edge.caller]
        if patience > limit and (edge.callee not in found or patience > found[edge.callee].patience):
            found[edge.callee] = _Outlasted(edge, callee, limit, deadline, patience)
    for caller in mesh.replicas:
        outlasted = inverted[caller]
        if outlasted:
            worst = max(outlasted.values(), key=lambda each: each.patience)
            others = [callee for callee in outlasted if callee != worst.edge.callee]
            key, when = worst.reason
            yield (
                path_of(worst.edge, key),
                f"{caller} gives up after {duration(worst.limit)}{when}, but {mesh.name(worst.callee)} may wait "
                f"{duration(worst.patience, digits=2)} for what it calls (timeouts x attempts): "
                f"work that nobody waits for{_likewise(others)}",
            )


def overridden(mesh: Mesh) -> Iterator[Finding]:
    """Timeouts of single attempts that exceed the timeout of all attempts together."""
    for edge in mesh.topology.edges:
        if edge.timeout is not None and edge.overall_timeout is not None and edge.timeout > edge.overall_timeout:
            yield (
                path_of(edge, "timeout"),
                f"does nothing: the overall_timeout of {duration(edge.overall_timeout)} is shorter than its "
                f"{duration(edge.timeout)}",
            )


def groundless(mesh: Mesh) -> Iterator[Finding]:
    """Inherited deadlines, and cancellations, where nobody ever gives up; only the first is reported."""
    given_up = any(own_limit(edge) < inf for edge in mesh.topology.edges)
    if given_up or any(edge.hedge is not None for edge in mesh.topology.edges):
        return
    for edge in mesh.topology.edges:
        for key in ("inherit_deadline", "cancellation"):
            if getattr(edge, key):
                yield path_of(edge, key), "does nothing: no call in this mesh has a timeout"
                return


def _key(edge: Edge) -> str:
    """Return the key of the timeout that ends an attempt first."""
    return "timeout" if edge.timeout == own_limit(edge) else "overall_timeout"


def endless(mesh: Mesh) -> Iterator[Finding]:
    """Entries whose healthy requests take longer than requests are followed."""
    for entry in mesh.topology.workload.mix:
        times = mesh.response[name_of(entry)]
        late = float(np.mean(times > FOLLOWED))
        if late >= TOO_SLOW and entry.weight:
            yield (
                f"services.{entry.service}.operations.{entry.operation}",
                f"{ratio(late, digits=2)} of its healthy answers take longer than {duration(FOLLOWED)} "
                f"(mean {duration(float(times.mean()), digits=2)}), but no request is followed longer: they "
                "are recorded as unfinished",
            )


def _likewise(callees: list[str]) -> str:
    return f"; likewise its calls to {', '.join(callees)}" if callees else ""
