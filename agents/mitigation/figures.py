"""What a stretch of time showed: figures of users, services and edges over some seconds that were played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.live.second import OF_EDGES, OF_SERVICES, Second

Figures = NDArray[np.float32]
#: Of users: requests a second that were over; the share of them that failed (percent); latencies in milliseconds.
OF_USERS: Final = ("request_rate", "error_rate", "latency_p50", "latency_p95", "latency_p99")
#: Columns of services of which the mean goes by requests, and those of which the latest counts.
_WEIGHTED: Final = [OF_SERVICES.index(name) for name in ("error_rate", "latency_p95")]
_LATEST: Final = [OF_SERVICES.index(name) for name in ("queue_depth", "ready", "replicas")]
_BREAKER: Final = OF_EDGES.index("breaker")


@dataclass(frozen=True, eq=False)
class Stretch:
    """Some seconds together.

    Attributes
    ----------
    users
        By `OF_USERS`.
    services, edges
        A row each in the order of the mesh, by the columns of `sim.live.second`: rates, shares, latencies and use as
        means of those of the seconds (of errors and latencies weighted by requests), lengths of queues, replicas and
        breakers as of the last second, and calls of edges a second. nan where there is nothing to measure.
    """

    users: Figures
    services: Figures
    edges: Figures

    @classmethod
    def of(cls, seconds: Sequence[Second]) -> Stretch:
        """What some seconds that follow one another showed; there must be one at least."""
        entry = np.array([second.entry for second in seconds], dtype=np.float64)
        requests, failed = entry[:, 0], entry[:, 1]
        users = np.array(
            [requests.mean(), 100 * _over(failed.sum(), requests.sum()), *_means(entry[:, 2:], requests[:, None])]
        )
        rows = np.stack([second.services for second in seconds]).astype(np.float64)
        services = _means(rows, np.ones(rows.shape))
        weights = np.repeat(rows[:, :, :1], len(_WEIGHTED), axis=2)
        services[:, _WEIGHTED] = _means(rows[:, :, _WEIGHTED], weights)
        services[:, _LATEST] = rows[-1][:, _LATEST]
        calls = np.stack([second.edges for second in seconds]).astype(np.float64)
        edges = calls.mean(axis=0)
        edges[:, _BREAKER] = calls[-1][:, _BREAKER]
        return cls(*(each.astype(np.float32) for each in (users, services, edges)))

    def as_json(self, services: Sequence[str], edges: Sequence[str]) -> dict[str, Any]:
        """Plain numbers by name, with None for what there is not."""
        return {
            "users": _named(OF_USERS, self.users),
            "services": {name: _named(OF_SERVICES, row) for name, row in zip(services, self.services, strict=True)},
            "edges": {name: _named(OF_EDGES, row) for name, row in zip(edges, self.edges, strict=True)},
        }


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _means(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means along the first axis, without what is nan; nan where there is nothing else."""
    there = ~np.isnan(values)
    weights = np.where(there, weights, 0.0)
    total = weights.sum(axis=0)
    summed = (np.where(there, values, 0.0) * weights).sum(axis=0)
    means: NDArray[np.float64] = np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)
    return means


def _named(names: Sequence[str], row: Figures) -> dict[str, float | None]:
    return {name: None if value != value else round(value, 3) for name, value in zip(names, row.tolist(), strict=True)}
