"""One second of a running mesh: rates, errors and latencies of the calls that ended in it, and the state at its end.

Unlike records, the figures do not wait until a whole request has settled. Those of services equal the metrics of the
same names in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import ROW
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.service import Service
from meshquake.sim.mesh import Mesh
from meshquake.sim.policies.breaker import CLOSED, Breaker
from meshquake.sim.telemetry.metrics.calls import pool_in_use
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.sampling.sampler import Reading
from meshquake.sim.telemetry.spans.spans import Spans, spans_of

Figures = NDArray[np.float32]
#: The columns of the figures of services, and of edges.
OF_SERVICES: Final = (
    *("request_rate", "error_rate", "latency_p95", "cpu_usage", "worker_utilization", "queue_depth", "pool_in_use"),
    *("ready", "replicas"),
)
OF_EDGES: Final = ("sent", "failed", "retries", "timeouts", "breaker")


@dataclass(frozen=True, eq=False)
class Second:
    """One second that is over.

    Attributes
    ----------
    time
        Its end, in simulated seconds.
    entry
        Requests of users that ended in it, those of them that failed, and their p50, p95 and p99 in milliseconds (nan
        if there were none).
    services, edges
        One row each, in the order of the mesh, with the columns `OF_SERVICES` and `OF_EDGES`. Services: metrics in
        their units (nan where there is nothing to measure; pools are added up), replicas that get calls, and all
        replicas. Edges: calls that ended, those that failed, retries, timeouts, and the worst state of a breaker (0
        closed, 1 half open, 2 open).
    """

    time: float
    entry: tuple[int, int, float, float, float]
    services: Figures
    edges: Figures

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers, with None for missing values."""
        return {
            "time": self.time,
            "entry": dict(zip(("requests", "failed", "p50", "p95", "p99"), map(_plain, self.entry), strict=True)),
            "services": [[_plain(value) for value in row] for row in self.services.tolist()],
            "edges": [[_plain(value) for value in row] for row in self.edges.tolist()],
        }


class Onlooker:
    """Derives seconds from what a mesh has recorded. It observes, and changes nothing."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._service = np.array([site.service.index for site in mesh.sites], dtype=np.int64)
        places = {edge: place for place, edge in enumerate(mesh.edges)}
        self._edge = np.array([-1 if site.edge is None else places[site.edge] for site in mesh.sites], dtype=np.int64)
        #: The time of the last look, and the worker-seconds and core-seconds that replicas had spent by then.
        self._then = 0.0
        self._worked: dict[Replica, float] = {}
        self._computed: dict[Replica, float] = {}

    def second(self, cut: Cut) -> Second:
        """Return the second that ends now, from the cut that it left."""
        spans, rows = spans_of(cut.rows), np.frombuffer(cut.rows, ROW)
        second = Second(
            round(self._mesh.now, 6),
            _entry(rows[self._edge[rows["site"]] < 0]),
            self._services(spans.where(spans.server), cut.readings),
            self._edges(spans.where(~spans.server)),
        )
        self._then = self._mesh.now
        return second

    def _services(self, served: Spans, readings: list[Reading]) -> Figures:
        services = list(self._mesh.services.values())
        found = np.full((len(services), len(OF_SERVICES)), np.nan, dtype=np.float32)
        of, durations = self._service[served.site], served.duration_ms
        counts = np.bincount(of, minlength=len(services))
        failed = np.bincount(of[served.at_fault], minlength=len(services))
        own = np.split(durations[np.lexsort((durations, of))], np.cumsum(counts)[:-1])
        workers, cores = self._workers(), self._cores(readings)
        for index, service in enumerate(services):
            found[index] = (
                counts[index],
                100 * failed[index] / max(1, counts[index]),
                _rank(own[index], 0.95),
                _mean(cores[replica] for replica in service.replicas if replica in cores),
                _mean(workers[replica] for replica in service.replicas),
                sum(len(replica.queue) for replica in service.replicas),
                self._pools(service),
                len(service.ready),
                len(service.replicas),
            )
        return found

    def _workers(self) -> dict[Replica, float]:
        """Return the average share of each replica's workers that were in use, in percent."""
        now, before = self._mesh.now, self._worked
        replicas = [replica for service in self._mesh.services.values() for replica in service.replicas]
        self._worked = {replica: replica.busy_time(now) for replica in replicas}
        return {
            replica: _share(spent - before.get(replica, 0.0), replica.service.spec.workers * (now - self._then))
            for replica, spent in self._worked.items()
        }

    def _cores(self, readings: list[Reading]) -> dict[Replica, float]:
        """Return the share of their cores that replicas used until the last sample, in percent; empty if not sampled.

        Replicas are not asked directly: that makes them add up what other processes took so far, so asking at other
        times than the sampler would change the samples.
        """
        if not readings or "cpu_usage" not in readings[-1].values:
            return {}
        last, before, length = readings[-1], self._computed, self._mesh.now - self._then
        spent = zip(last.roster.replicas, last.values["cpu_usage"], strict=True)
        self._computed = {replica: seconds or 0.0 for replica, seconds in spent}
        return {
            replica: _share(seconds - before.get(replica, 0.0), replica.service.spec.cores * length)
            for replica, seconds in self._computed.items()
        }

    def _pools(self, service: Service) -> float:
        """Return the connections in use in the pools of a service's calls; nan if it has no pool."""
        states = [replica.callers[edge.index] for replica in service.replicas for edge in service.edges.values()]
        used = [found for state in states if (found := pool_in_use(state, self._mesh.now)) is not None]
        return sum(used) if used else np.nan

    def _edges(self, called: Spans) -> Figures:
        edges = self._mesh.edges
        found = np.zeros((len(edges), len(OF_EDGES)), dtype=np.float32)
        of = self._edge[called.site]
        found[:, 0] = np.bincount(of, minlength=len(edges))
        for column, chosen in enumerate((called.failed, called.retried, called.timed_out), 1):
            found[:, column] = np.bincount(of[chosen], minlength=len(edges))
        found[:, 4] = [_breaker(edge) for edge in edges]
        return found


def _breaker(edge: RuntimeEdge) -> int:
    """Return the worst breaker state among the callers on an edge."""
    states = [replica.callers[edge.index] for replica in edge.caller.replicas]
    breakers = [policy for state in states for _, _, policy in state.every() if isinstance(policy, Breaker)]
    return max((breaker.state for breaker in breakers), default=CLOSED)


def _entry(users: NDArray[np.void]) -> tuple[int, int, float, float, float]:
    durations = np.sort(users["finished"] - users["arrived"]) * 1e3
    quantiles = [_rank(durations, each) for each in (0.5, 0.95, 0.99)]
    return len(users), int((users["outcome"] != 0).sum()), *quantiles  # type: ignore[return-value]  # three of them


def _rank(ordered: NDArray[np.float64], quantile: float) -> float:
    """Return a quantile of sorted numbers by nearest rank; nan if there are none."""
    return float(ordered[max(0, int(np.ceil(quantile * len(ordered))) - 1)]) if len(ordered) else np.nan


def _share(spent: float, there: float) -> float:
    """Return what was spent in percent of what was available."""
    return 100 * min(1.0, max(0.0, spent / there)) if there > 0 else np.nan


def _mean(shares: Iterable[float]) -> float:
    known = list(shares)
    return sum(known) / len(known) if known else np.nan


def _plain(value: float) -> float | None:
    return None if value != value else round(float(value), 3)
