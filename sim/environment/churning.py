"""Pooled connections are closed when they are old (`topology.environment.connections`), and reopened on demand.

The average number of old connections in a pool is known; it is rounded by a draw of the pool's own in each time step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor
from typing import TYPE_CHECKING, Final

from meshquake.sim.policies.pool import Pool
from meshquake.topology.addresses import address, uniform
from meshquake.topology.environment.connections import Churn

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.edge import RuntimeEdge

#: How often connections are closed (seconds).
_STEP: Final = 2.0


class Churning:
    """Closes the connections of a mesh; `churn` says by name how those to each service are closed."""

    def __init__(self, cluster: Cluster, churn: Mapping[str, Churn]) -> None:
        self._cluster = cluster
        self._edges = [
            (
                edge,
                churn[edge.callee.spec.name],
                address(cluster.seed, "churn", edge.caller.spec.name, edge.callee.spec.name),
            )
            for edge in cluster.edges
            if edge.callee.spec.name in churn
        ]
        for edge, each, _ in self._edges:
            for _, pool in _pools(edge):
                pool.close(pool.idle - each.open_ * pool.policy.streams)
        self._place = 0
        self._next()

    def _next(self) -> None:
        self._place += 1
        self._cluster.env.call_at(self._place * _STEP, self._tick)

    def _tick(self, _: None) -> None:
        for edge, churn, key in self._edges:
            for caller, pool in _pools(edge):
                streams = pool.policy.streams
                old = (pool.in_use + pool.idle) / streams * _STEP / churn.lifetime
                closed = floor(old + uniform(key, self._place, caller + 1))
                pool.close(closed * streams)
        self._next()


def _pools(edge: RuntimeEdge) -> Iterator[tuple[int, Pool]]:
    """Yield the pools of an edge, each with the index of the caller's replica that has it."""
    for replica in edge.caller.replicas:
        for policy in replica.callers[edge.index].named("pool"):
            if isinstance(policy, Pool):
                yield replica.index, policy
