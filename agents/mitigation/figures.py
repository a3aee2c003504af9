"""Figures of users, services and edges over some seconds of a live mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.live.second import OF_EDGES, OF_SERVICES, Second

Figures = NDArray[np.float32]
#: Figures of users: requests completed a second; the share that failed, in percent; latencies in milliseconds.
OF_USERS: Final = ("request_rate", "error_rate", "latency_p50", "latency_p95", "latency_p99")
#: Columns of services whose means are weighted by requests, and those whose latest value counts.
_WEIGHTED: Final = [OF_SERVICES.index(name) for name in ("error_rate", "latency_p95")]
_LATEST: Final = [OF_SERVICES.index(name) for name in ("queue_depth", "ready", "replicas")]
_BREAKER: Final = OF_EDGES.index("breaker")


@dataclass(frozen=True, eq=False)
class Stretch:
    """Figures over some seconds.

    Attributes
    ----------
    users
        Figures by `OF_USERS`.
    services, edges
        A row for each in the order of the mesh, with the columns of `sim.live.second`. Rates, shares, latencies and
        utilisation are means over the seconds (errors and latencies weighted by requests); queue lengths, replicas and
        breakers are those of the last second; calls of edges are per second. nan where there is nothing to measure.
    """

    users: Figures
    services: Figures
    edges: Figures

    @classmethod
    def of(cls, seconds: Sequence[Second]) -> Stretch:
        """Aggregate one or more consecutive seconds."""
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
        """Return plain numbers by name, with None for nan."""
        return {
            "users": _named(OF_USERS, self.users),
            "services": {name: _named(OF_SERVICES, row) for name, row in zip(services, self.services, strict=True)},
            "edges": {name: _named(OF_EDGES, row) for name, row in zip(edges, self.edges, strict=True)},
        }


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _means(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average along the first axis, ignoring nan; nan where there is nothing else."""
    there = ~np.isnan(values)
    weights = np.where(there, weights, 0.0)
    total = weights.sum(axis=0)
    summed = (np.where(there, values, 0.0) * weights).sum(axis=0)
    means: NDArray[np.float64] = np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)
    return means


def _named(names: Sequence[str], row: Figures) -> dict[str, float | None]:
    return {name: None if value != value else round(value, 3) for name, value in zip(names, row.tolist(), strict=True)}
