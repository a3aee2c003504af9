"""Sample metrics: take readings during the run, and make the records of intervals once they are settled.

Rates, shares and latencies are computed from the same spans as the traces, so the two can't disagree. Time averages
(worker and CPU utilization) are exact over the interval. Other gauges are their values at its end, as a scrape would
have found them. Where there is nothing to measure, such as the latency of no requests, there is no sample.

Series are identified by name. If a replica comes or goes during a run, its series begin or end with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from meshquake.sim.records import METRIC
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric_table import MetricTable, whole
from meshquake.sim.telemetry.metrics.sources import as_measured
from meshquake.sim.telemetry.sampling.measured import Measured
from meshquake.sim.telemetry.sampling.roster import Roster
from meshquake.sim.telemetry.sampling.series import Samples
from meshquake.sim.telemetry.spans.spans import Spans
from meshquake.sim.telemetry.tables import Floats, Ints, Tables
from meshquake.sim.telemetry.texts import lookup

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.mesh import Mesh


@dataclass(frozen=True, slots=True)
class Reading:
    """The readings at the end of an interval: by metric, the value of each thing in the roster's order, or None."""

    roster: Roster
    values: dict[str, list[float | None]]


class Sampler:
    """Takes readings at the end of each interval, and makes the records of settled intervals.

    Parameters
    ----------
    interval
        Length of an interval in whole microseconds.
    table
        The metrics to record; None for the whole catalogue.
    """

    def __init__(self, mesh: Mesh, tables: Tables, interval: int, table: MetricTable | None = None) -> None:
        self._mesh = mesh
        self._tables = tables
        self._table = table or whole()
        #: The readings to take, by metric.
        self._read = self._table.reads
        self._interval = interval
        #: Simulated time of the next sample, in microseconds.
        self.due = interval
        #: The most records that the readings since the last `take` can become.
        self.waiting = 0
        #: The replicas at the last sample, and the roster made of them.
        self._replicas: list[Replica] = []
        self._recomposed = 0
        self._roster = Roster(mesh, self._table, (), ())
        #: Readings that wait for `take`, and those whose intervals aren't settled yet.
        self._taken: list[Reading] = []
        self._waiting: list[Reading] = []
        #: Number of intervals whose records are made; `_before` is the reading at the end of the last of them.
        self._made = 0
        #: Totals since the beginning of the run, by name and replica (`tables.rank`).
        self._running: dict[str, dict[int, float]] = {}
        self._before = Reading(
            self._roster, {name: [0.0] * self._roster.size(each.of) for name, each in self._read.items()}
        )

    # -- during the run ---------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """Take the readings of the moment that is `due`. Has no effect on the mesh."""
        mesh = self._mesh
        replicas = [replica for service in mesh.services.values() for replica in service.replicas]
        if replicas != self._replicas or mesh.recomposed != self._recomposed:
            self._replicas, self._roster = replicas, Roster.of(mesh, self._table, replicas)
            self._recomposed = mesh.recomposed
        roster, now = self._roster, mesh.now
        things = {**roster.things, Level.CALLER: roster.states()}
        values = {}
        for name, source in self._read.items():
            read = source.read
            values[name] = [read(thing, now) for thing in things[source.of]]
        self._taken.append(Reading(roster, values))
        self.waiting += roster.width
        self.due += self._interval

    def reads_as(self, other: Sampler) -> bool:
        """Whether another sampler of the same mesh and age takes the same readings."""
        return self._interval == other._interval and self._table == other._table

    def take(self) -> list[Reading]:
        """Return the readings since the last call, one per interval."""
        taken, self._taken, self.waiting = self._taken, [], 0
        return taken

    # -- once settled -------------------------------------------------------------------------------------------------

    def values(self, spans: Spans, readings: list[Reading], through: int) -> Samples:
        """Return the samples of the intervals up to number `through` (exclusive) that haven't been made yet.

        `spans` must have all spans that ended in these intervals, and may have later ones; `readings` are those taken
        since the last call, also of later intervals.
        """
        roster, values = self._settle(spans, readings, through)
        return Samples(roster.series, values)

    def frame(self, spans: Spans, readings: list[Reading], through: int) -> pl.DataFrame:
        """Return metric records of the same intervals; the parameters are those of `values`."""
        first = self._made
        roster, values = self._settle(spans, readings, through)
        count = len(values)
        if not count:
            return pl.DataFrame(schema=METRIC.frame_schema)
        ends = (np.arange(first, first + count, dtype=np.int64) + 1) * self._interval
        settled = values if not roster.unusual else _in_units(values, roster)
        present = ~np.isnan(settled.ravel())
        recorded = settled.ravel()[present]
        positions = np.tile(np.arange(values.shape[1], dtype=np.uint32), count)[present]
        intervals = np.repeat(np.arange(count, dtype=np.uint32), values.shape[1])[present]
        columns = {name: lookup(column, positions) for name, column in roster.texts.items()}
        columns["timestamp"] = lookup(self._tables.iso(ends), intervals)
        columns["value"] = pl.Series(recorded if roster.unusual else as_measured(recorded))
        return pl.DataFrame({name: columns[name] for name in METRIC.names})

    def _settle(self, spans: Spans, readings: list[Reading], through: int) -> tuple[Roster, Floats]:
        """Return the roster of the settled intervals, and their samples: a row per interval, a column per series."""
        self._waiting += readings
        count = max(0, min(through - self._made, len(self._waiting)))
        if not count:
            return self._before.roster, np.zeros((0, self._before.roster.width))
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        interval = spans.end // self._interval - self._made
        chosen = (interval < count) & ~spans.unfinished
        self._made += count
        measured, roster = self._measure(taken, spans.view(chosen), interval[chosen])
        blocks = [np.zeros((count, 0))]
        for level, metric in self._table.of_levels:
            block = metric.source.figures(measured, metric.origin, level)
            if level is Level.REPLICA and measured.absent is not None:
                block = np.where(measured.absent, np.nan, block)
            kept = roster.kept(level, metric)
            blocks.append(block if kept is None else block[:, kept])
        return roster, np.concatenate(blocks, axis=1)

    def _measure(self, taken: list[Reading], spans: Spans, interval: Ints) -> tuple[Measured, Roster]:
        """Return what sources compute figures from, for the intervals of the readings taken, and its roster."""
        roster = self._everyone(taken, spans)
        readings = {name: np.full((len(taken), roster.size(each.of)), np.nan) for name, each in self._read.items()}
        there = np.zeros((len(taken), roster.size(Level.REPLICA)), dtype=np.bool_)
        first = 0
        for own, group in groupby(taken, key=lambda reading: reading.roster):
            run = list(group)
            rows = slice(first, first + len(run))
            for name, values in self._settled(own, run):
                readings[name][rows, own.columns(roster, self._read[name].of)] = values
            there[rows, own.columns(roster, Level.REPLICA)] = True
            first += len(run)
        return Measured(
            self._tables, roster, self._interval / 1e6, there, readings, spans, interval, self._running
        ), roster

    def _everyone(self, taken: list[Reading], spans: Spans) -> Roster:
        """Return the roster of all that was there at the end of an interval, or did a span and was gone by its end."""
        roster, *others = dict.fromkeys(reading.roster for reading in taken)
        for other in others:
            roster = roster.joined(other)
        did = np.flatnonzero(np.bincount(spans.incarnation[spans.incarnation >= 0]))
        gone = did[roster.places(self._tables.incarnation_rank[did]) < 0]
        if len(gone):
            roster = roster.with_more(self._mesh.incarnations[each][0] for each in gone)
        return roster

    def _settled(self, own: Roster, run: list[Reading]) -> Iterator[tuple[str, Floats]]:
        """Yield the values of each metric in consecutive intervals with one roster."""
        before = self._before
        self._before = run[-1]
        for name, source in self._read.items():
            last = before.values[name]
            if before.roster is not own:
                known = dict(zip(before.roster.things[source.of], last, strict=True))
                last = [known.get(thing, 0.0) for thing in own.things[source.of]]
            values = np.array([reading.values[name] for reading in run], dtype=np.float64)
            yield name, source.settle(values, np.array(last, dtype=np.float64), own, self._interval / 1e6)


def _in_units(values: Floats, roster: Roster) -> Floats:
    """Return samples as they are recorded, if some are in other units than measured."""
    recorded = as_measured(values)
    for each in roster.unusual:
        recorded[:, each.columns] = each.recorded(values[:, each.columns])
    return recorded
