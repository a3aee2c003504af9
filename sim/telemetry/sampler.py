"""Metrics: gauges sampled on the way, and figures of the spans that ended in each interval.

Rates, error shares and latencies are computed from the very spans that the traces show, so the two can't disagree.
Time averages (worker and CPU utilisation) are exact over the interval; the other gauges are what they were at its end,
as a scrape would have found them. Where there is nothing to measure (the latency of no requests) there is no sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from meshquake.sim.engine.call import HIT, MISS
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.policies.breaker import Breaker
from meshquake.sim.policies.pool import Pool
from meshquake.sim.records import METRIC, METRICS
from meshquake.sim.telemetry.spans import Spans
from meshquake.sim.telemetry.tables import Floats, Ints, Tables, names
from meshquake.topology.errors import CODES

if TYPE_CHECKING:
    from meshquake.sim.mesh import Mesh

#: Gauges of a replica, in the order in which `Sampler.sample` takes them.
_GAUGES = ("cpu_usage", "memory_usage", "active_requests", "queue_depth", "worker_utilization")
#: Of these, the ones that add up over the replicas of a service; the others are averaged.
_SUMS = ("active_requests", "queue_depth")
_REQUESTS = ("request_rate", "error_rate", "latency_p50", "latency_p95", "latency_p99")
_QUERIES = ("query_time_p50", "query_time_p95", "query_time_p99")
_QUANTILES = (0.50, 0.95, 0.99)


@dataclass
class _Series:
    """The columns that name a series, and where its values stand in a row of all values."""

    service: list[str] = field(default_factory=list)
    metric: list[str] = field(default_factory=list)
    replica: list[str | None] = field(default_factory=list)
    target: list[str | None] = field(default_factory=list)

    def add(self, service: str, metric: str, replica: str | None = None, target: str | None = None) -> None:
        self.service.append(service)
        self.metric.append(metric)
        self.replica.append(replica)
        self.target.append(target)

    def frame(self) -> pl.DataFrame:
        """A row a series."""
        return pl.DataFrame(
            {
                "service": names(self.service),
                "metric": names(self.metric),
                "unit": names(METRICS[metric] for metric in self.metric),
                "replica": names(self.replica),
                "target": names(self.target),
            }
        )


class Sampler:
    """Takes the gauges at the end of each interval, and makes the records of intervals that are settled.

    Parameters
    ----------
    interval
        Length of an interval in whole microseconds.
    """

    def __init__(self, mesh: Mesh, tables: Tables, interval: int) -> None:
        self._mesh = mesh
        self._tables = tables
        self._interval = interval
        self._services = list(mesh.services.values())
        self._replica_service = np.array([replica.service.index for replica in mesh.replicas], dtype=np.int64)
        self._guarded = [
            (link, replica)
            for link in mesh.edges
            if link.spec.breaker or link.spec.pool
            for replica in link.caller.replicas
        ]
        # Which links the guarded channels belong to, and whose connections pools hold, for sums over them.
        place = {link: position for position, link in enumerate(mesh.edges)}
        self._guarded_link = np.array([place[link] for link, _ in self._guarded], dtype=np.int64)
        self._link_callee = np.array([link.callee.index for link in mesh.edges], dtype=np.int64)
        self._pooled = np.array([place[link] for link in mesh.edges if link.spec.pool], dtype=np.int64)
        self._pooled_guarded = np.flatnonzero(np.isin(self._guarded_link, self._pooled))
        self._databases = np.array(
            [i for i, kind in enumerate(tables.kinds) if kind in ("database", "cache")], dtype=np.int64
        )
        self._busy = [0.0] * len(mesh.replicas)
        self._cores = [0.0] * len(mesh.replicas)
        self._opened = [0] * len(mesh.edges)
        #: Simulated time of the next sample, in microseconds.
        self.due = interval
        #: Rows of gauges that nobody took yet, and rows whose intervals aren't settled yet.
        self._taken: list[list[float]] = []
        self._waiting: list[list[float]] = []
        #: Intervals whose records are made.
        self._made = 0
        #: A row a series: all that a record of it has but its time and value.
        self.series = self._name_series().frame()

    def _name_series(self) -> _Series:
        """Name every series, in the order of the columns that `_values` puts side by side."""
        series = _Series()
        replicas = self._mesh.replicas
        links = self._mesh.edges
        for metric in (*_GAUGES, *_REQUESTS):
            for name in self._tables.services:
                series.add(name, metric)
        for metric in (*_GAUGES, *_REQUESTS):
            for replica in replicas:
                series.add(replica.service.spec.name, metric, replica.name)
        for metric in (*_QUERIES, "connections_in_use", "connections_opened", "cache_hit_rate"):
            for index in self._databases:
                series.add(self._tables.services[index], metric)
        for metric in ("retry_rate", "timeout_rate", "circuit_breaker_state", "pool_in_use"):
            for link in links:
                series.add(link.caller.spec.name, metric, None, link.callee.spec.name)
        for metric in ("circuit_breaker_state", "pool_in_use"):
            for link, replica in self._guarded:
                series.add(link.caller.spec.name, metric, replica.name, link.callee.spec.name)
        return series

    # -- on the way -------------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """Take the gauges now, when they are `due`. Changes nothing that the mesh goes by."""
        now = self._mesh.now
        length = self._interval / 1e6
        row: list[float] = []
        for position, replica in enumerate(self._mesh.replicas):
            spec = replica.service.spec
            busy, cores = replica.busy_time(now), replica.core_time(now)
            if replica.modifiers:
                replica.account(now)
            cores += replica.hogged
            used = (cores - self._cores[position]) / (length * spec.cores)
            row += (
                100 * min(1.0, max(0.0, used)),
                100 * replica.memory() / spec.memory.limit,
                replica.active,
                len(replica.queue),
                100 * min(1.0, max(0.0, (busy - self._busy[position]) / (length * spec.workers))),
            )
            self._busy[position], self._cores[position] = busy, cores
        for link, replica in self._guarded:
            policies = replica.callers[link.index].policies
            breaker, pool = policies.get("breaker"), policies.get("pool")
            row.append(breaker.state if isinstance(breaker, Breaker) else np.nan)
            row.append(pool.in_use if isinstance(pool, Pool) else np.nan)
        for position, link in enumerate(self._mesh.edges):
            row.append(link.opened - self._opened[position])
            self._opened[position] = link.opened
        self._taken.append(row)
        self.due += self._interval

    @property
    def waiting(self) -> int:
        """Records that the rows of gauges taken since the last time become, at most."""
        return len(self._taken) * len(self.series)

    def take(self) -> list[list[float]]:
        """The gauges taken since the last time, a row an interval."""
        taken, self._taken = self._taken, []
        return taken

    # -- once settled -------------------------------------------------------------------------------------------------

    def values(self, spans: Spans, gauges: list[list[float]], through: int) -> Floats:
        """The samples of the intervals up to number `through` (exclusive) that aren't made yet.

        `spans` are all those that ended in these intervals, and may hold others that ended later; `gauges` are the rows
        taken since the last time, which may be of later intervals too.

        Returns
        -------
        array of shape (intervals, series)
            In the order of `series`; nan where there is no sample.
        """
        self._waiting += gauges
        count = max(0, min(through - self._made, len(self._waiting)))
        if not count:
            return np.zeros((0, len(self.series)))
        taken = np.array(self._waiting[:count], dtype=np.float64)
        del self._waiting[:count]
        interval = spans.end // self._interval - self._made
        chosen = interval < count
        self._made += count
        return self._values(taken, spans.where(chosen), interval[chosen])

    def frame(self, spans: Spans, gauges: list[list[float]], through: int) -> pl.DataFrame:
        """Metric records of the same intervals; the parameters are those of `values`."""
        first = self._made
        values = self.values(spans, gauges, through)
        count = len(values)
        if not count:
            return pl.DataFrame(schema=METRIC.frame_schema)
        ends = (np.arange(first, first + count, dtype=np.int64) + 1) * self._interval
        present = ~np.isnan(values.ravel())
        positions = np.tile(np.arange(values.shape[1], dtype=np.uint32), count)[present]
        intervals = np.repeat(np.arange(count, dtype=np.uint32), values.shape[1])[present]
        return (
            self.series[positions]
            .with_columns(
                timestamp=self._tables.iso(ends).gather(pl.lit(pl.Series(intervals))),
                value=pl.lit(pl.Series(np.round(values.ravel()[present], 3) + 0.0)),
            )
            .select(METRIC.names)
        )

    def _values(self, gauges: Floats, spans: Spans, interval: Ints) -> Floats:
        """A row of values for each interval, in the order of `_name_series`; nan where there's no sample."""
        count = len(gauges)
        replicas, services, links = len(self._mesh.replicas), len(self._services), len(self._mesh.edges)
        taken = gauges[:, : replicas * len(_GAUGES)].reshape(count, replicas, len(_GAUGES))
        guarded = gauges[:, replicas * len(_GAUGES) : -links or None].reshape(count, len(self._guarded), 2)
        opened = gauges[:, -links:] if links else np.zeros((count, 0))

        sizes = np.bincount(self._replica_service, minlength=services)
        by_service = np.add.reduceat(taken, np.cumsum(sizes) - sizes, axis=1)
        averaged = [position for position, name in enumerate(_GAUGES) if name not in _SUMS]
        by_service[:, :, averaged] /= sizes[:, None]

        tables = self._tables
        server = spans.where(spans.server)
        at = interval[spans.server]
        service = tables.site_service[server.site]
        replica = tables.incarnation_replica[server.incarnation]
        reached = replica >= 0
        whole = self._requests(server, at, service, count, services)
        each = self._requests(server.where(reached), at[reached], replica[reached], count, replicas)

        client = spans.where(~spans.server)
        link = tables.site_edge[client.site]
        cell = interval[~spans.server] * links + link
        length = self._interval / 1e6
        retries = _count(cell, count, links, (client.attempt_path & ATTEMPT) > 0) / length
        timeouts = _count(cell, count, links, client.code == CODES["timeout"]) / length

        store = self._stores(server, at, service, client, interval[~spans.server], guarded, opened, count)
        states, pools = guarded[:, :, 0], guarded[:, :, 1]
        blocks = [
            *(by_service[:, :, i] for i in range(len(_GAUGES))),
            *whole,
            *(taken[:, :, i] for i in range(len(_GAUGES))),
            *each,
            *store,
            retries,
            timeouts,
            _grouped(np.fmax, states, self._guarded_link, links),
            _grouped(np.add, pools, self._guarded_link, links),
            states,
            pools,
        ]
        return np.concatenate(blocks, axis=1)

    def _requests(self, server: Spans, interval: Ints, group: Ints, count: int, groups: int) -> list[Floats]:
        """`_REQUESTS` of server spans, by interval and group."""
        cell = interval * groups + group
        requests = _count(cell, count, groups)
        errors = _count(cell, count, groups, server.code > 0)
        share = np.divide(100 * errors, requests, out=np.zeros_like(errors), where=requests > 0)
        latencies = _quantiles(cell, (server.end - server.start) / 1000.0, count, groups)
        return [requests / (self._interval / 1e6), share, *latencies]

    def _stores(
        self,
        server: Spans,
        interval: Ints,
        service: Ints,
        client: Spans,
        client_interval: Ints,
        guarded: Floats,
        opened: Floats,
        count: int,
    ) -> list[Floats]:
        """Figures of databases and caches: query times, connections, hits."""
        chosen = self._databases
        services = len(self._services)
        queried = server.worked >= 0
        cell = interval[queried] * services + service[queried]
        query = [times[:, chosen] for times in _quantiles(cell, server.worked[queried] / 1000.0, count, services)]
        pooled = self._pooled
        in_use = _grouped(
            np.add,
            guarded[:, self._pooled_guarded, 1],
            self._link_callee[self._guarded_link[self._pooled_guarded]],
            services,
        )
        news = _grouped(np.add, opened[:, pooled], self._link_callee[pooled], services)
        callee = self._tables.site_service[client.site]
        cell = client_interval * services + callee
        hits = _count(cell, count, services, (client.notes & HIT) > 0)
        lookups = hits + _count(cell, count, services, (client.notes & MISS) > 0)
        hit_rate = np.divide(100 * hits, lookups, out=np.full_like(hits, np.nan), where=lookups > 0)
        return [*query, in_use[:, chosen], news[:, chosen] / (self._interval / 1e6), hit_rate[:, chosen]]


def _grouped(combine: np.ufunc, values: Floats, group: Ints, groups: int) -> Floats:
    """The columns of `values` combined by group: a column a group, nan for a group that has none."""
    result = np.full((len(values), groups), np.nan)
    if len(group):
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        result[:, group[order][starts]] = combine.reduceat(values[:, order], starts, axis=1)
    return result


def _count(cell: Ints, rows: int, columns: int, chosen: np.ndarray | None = None) -> Floats:
    """How often each cell of a (rows, columns) table occurs, among the chosen."""
    if chosen is not None:
        cell = cell[chosen]
    return np.bincount(cell, minlength=rows * columns).astype(np.float64).reshape(rows, columns)


def _quantiles(cell: Ints, values: Floats, rows: int, columns: int) -> list[Floats]:
    """p50, p95 and p99 of the values in each cell of a (rows, columns) table, by nearest rank; nan in empty cells."""
    # By values, then by cells; numpy sorts numbers of 16 bits, which nearly all tables do with, in linear time.
    order = np.argsort(values)
    ordered = values[order[np.argsort(cell[order].astype(np.min_scalar_type(rows * columns)), kind="stable")]]
    counts = np.bincount(cell, minlength=rows * columns)
    first = np.cumsum(counts) - counts
    filled = counts > 0
    results = []
    for quantile in _QUANTILES:
        result = np.full(rows * columns, np.nan)
        rank = np.ceil(quantile * counts[filled]).astype(np.int64) - 1
        result[filled] = ordered[first[filled] + rank]
        results.append(result.reshape(rows, columns))
    return results
