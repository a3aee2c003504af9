"""What sources compute figures from: the readings at the end of each interval, and the spans that ended in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from meshquake.sim.telemetry.hosts.disks import Disks
from meshquake.sim.telemetry.hosts.traffic import RTO, Traffic
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.sources import Combine, Concerned, Side
from meshquake.sim.telemetry.sampling.roster import Roster
from meshquake.sim.telemetry.spans.spans import Mask, Spans
from meshquake.sim.telemetry.tables import Floats, Ints, Tables


def _network(spans: Spans) -> Floats:
    return np.where(spans.network >= 0, spans.network, np.nan)


class Measured:
    """Readings and spans of some intervals.

    Parameters
    ----------
    tables
        Names and positions of what spans refer to.
    roster
        Everything that there was to measure in any of the intervals.
    length
        Length of an interval in seconds.
    there
        Whether each replica (column) was there at the end of each interval (row).
    readings
        By metric, the value of each thing (column) in each interval (row); nan for none.
    spans, interval
        The spans that ended in the intervals, and the row of each.
    running
        Totals since the beginning of the run, by name and replica (`tables.rank`); updated to the end of the intervals.
    """

    def __init__(
        self,
        tables: Tables,
        roster: Roster,
        length: float,
        there: Mask,
        readings: dict[str, Floats],
        spans: Spans,
        interval: Ints,
        running: dict[str, dict[int, float]],
    ) -> None:
        self.length = length
        self.readings = readings
        self._tables = tables
        self._roster = roster
        self._there = there
        self._spans = {Side.SERVER: spans.view(spans.server), Side.CLIENT: spans.view(~spans.server)}
        self._interval = {Side.SERVER: interval[spans.server], Side.CLIENT: interval[~spans.server]}
        self._cells: dict[tuple[Side, Level], Cells] = {}
        self._traffic: dict[Side, Traffic] = {}
        self._running = running

    def combined(self, values: Floats, of: Level, level: Level, combine: Combine) -> Floats:
        """Combine values of one level to those of another: one column per member, nan where it has none."""
        if of is level:
            return values
        group = self._roster.groups[of, level]
        result = np.full((len(values), self._roster.size(level)), np.nan)
        columns = np.flatnonzero(group >= 0)
        columns = columns[np.argsort(group[columns], kind="stable")]
        if not len(columns):
            return result
        starts = np.flatnonzero(np.diff(group[columns], prepend=-1))
        groups, values = group[columns][starts], values[:, columns]
        if combine is Combine.HIGHEST:
            result[:, groups] = np.fmax.reduceat(values, starts, axis=1)
            return result
        known = ~np.isnan(values)
        counts = np.add.reduceat(known.astype(np.int64), starts, axis=1)
        sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=1)
        sums[counts == 0] = np.nan
        result[:, groups] = sums / np.maximum(counts, 1) if combine is Combine.MEAN else sums
        return result

    def cells(self, side: Side, level: Level) -> Cells:
        """Return the spans of a side by interval and member of a level."""
        if (side, level) not in self._cells:
            columns = self._roster.size(level)
            self._cells[side, level] = Cells(
                self._spans[side], self._interval[side], self._position(side, level), len(self._there), columns
            )
        return self._cells[side, level]

    def traffic(self, side: Side) -> Traffic:
        """Return the messages of the spans of a side."""
        if side not in self._traffic:
            spans = self._spans[side]
            self._traffic[side] = Traffic(self._tables, spans, self._usually(spans, side))
        return self._traffic[side]

    def _usually(self, spans: Spans, side: Side) -> Ints:
        """Return the median time (us) of messages on each span's edge in its interval; 0 if no message took long."""
        usual = np.zeros(len(spans), dtype=np.int64)
        if side is Side.SERVER or not (spans.network > RTO * 1e6).any():
            return usual
        medians = self.cells(side, Level.EDGE).ranked(_network).quantile(0.5)
        known = spans.network >= 0
        place = self._interval[side][known], self._position(side, Level.EDGE)[known]
        usual[known] = medians[place].astype(np.int64)
        return usual

    @cached_property
    def disks(self) -> Disks:
        """What replicas read from and write to disks."""
        served, calls = (self.cells(side, Level.REPLICA) for side in (Side.SERVER, Side.CLIENT))
        return Disks(
            self._tables,
            self._roster.replicas,
            self._there,
            self._spans[Side.SERVER],
            self.traffic(Side.SERVER),
            served,
            calls.count(lambda spans: spans.failed),
            self._running,
        )

    def concerned(self, level: Level, which: Concerned) -> Mask:
        """Return whether each member of a level has a metric."""
        return self._roster.concerned(level, which)

    def _position(self, side: Side, level: Level) -> Ints:
        """Return the position of the member of a level that each span of a side belongs to; -1 for none."""
        spans, tables = self._spans[side], self._tables
        match level:
            case Level.SERVICE:
                return tables.site_service[spans.site]
            case Level.STORE:
                return self._roster.stores[tables.site_service[spans.site]]
            case Level.EDGE:
                return tables.site_edge[spans.site]
            case Level.REPLICA:
                return self._roster.places(tables.incarnation_rank[spans.incarnation])
            case Level.ENTRY:
                return self._roster.entries[tables.site_service[spans.site]]
            case Level.CALLER | Level.NODE:
                raise ValueError(f"spans are not counted for each {level.value}")

    @cached_property
    def absent(self) -> Mask | None:
        """Whether each replica had no part in each interval: not there at its end, and no work of it ended in it.

        None if all replicas were there throughout.
        """
        if self._there.all():
            return None
        idle: Mask = self.cells(Side.SERVER, Level.REPLICA).count() == 0
        return ~self._there & idle


class Cells:
    """Spans in a table with one row per interval and one column per member of a level.

    Parameters
    ----------
    spans, interval, member
        Spans with the row and the column of each; a column of -1 is none.
    rows, columns
        Size of the table.
    """

    def __init__(self, spans: Spans, interval: Ints, member: Ints, rows: int, columns: int) -> None:
        self._spans = spans
        self._shape = (rows, columns)
        #: Positions of the spans that have a column; None if all have.
        self._placed = None if (member >= 0).all() else np.flatnonzero(member >= 0)
        self._cell = interval * columns + member
        if self._placed is not None:
            self._cell = self._cell[self._placed]
        self._ranked: dict[Callable[[Spans], Floats], Ranked] = {}

    def count(self, chosen: Callable[[Spans], Mask] | None = None) -> Floats:
        """Return the number of spans in each cell: those chosen, or all."""
        cell = self._cell
        if chosen is not None:
            mask = chosen(self._spans)
            cell = cell[mask if self._placed is None else mask[self._placed]]
        rows, columns = self._shape
        return np.bincount(cell, minlength=rows * columns).astype(np.float64).reshape(self._shape)

    def total(self, amounts: Floats) -> Floats:
        """Return the sum of amounts, one per span, in each cell."""
        rows, columns = self._shape
        placed = amounts if self._placed is None else amounts[self._placed]
        totals: Floats = np.bincount(self._cell, placed, minlength=rows * columns).astype(np.float64)
        return totals.reshape(self._shape)

    def ranked(self, quantity: Callable[[Spans], Floats]) -> Ranked:
        """Return a quantity of the spans, sorted within each cell, without nan."""
        if quantity not in self._ranked:
            values = quantity(self._spans)
            cell = self._cell
            if self._placed is not None:
                values = values[self._placed]
            known = ~np.isnan(values)
            if not known.all():
                values, cell = values[known], cell[known]
            self._ranked[quantity] = Ranked(cell, values, self._shape)
        return self._ranked[quantity]


class Ranked:
    """Values sorted within each cell of a table: sorted once for all quantiles."""

    def __init__(self, cell: Ints, values: Floats, shape: tuple[int, int]) -> None:
        size = shape[0] * shape[1]
        # By values, then by cells. In nearly all tables, cells fit into 16 bits, which numpy sorts in linear time.
        order = np.argsort(values)
        self._ordered = values[order[np.argsort(cell[order].astype(np.min_scalar_type(size)), kind="stable")]]
        self._counts = np.bincount(cell, minlength=size)
        self._first = np.cumsum(self._counts) - self._counts
        self._shape = shape

    def quantile(self, quantile: float) -> Floats:
        """Return a quantile of each cell, by nearest rank; nan in empty cells."""
        filled = self._counts > 0
        result = np.full(len(filled), np.nan)
        place = np.ceil(quantile * self._counts[filled]).astype(np.int64) - 1
        result[filled] = self._ordered[self._first[filled] + place]
        return result.reshape(self._shape)
