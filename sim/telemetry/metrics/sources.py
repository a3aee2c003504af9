"""Sources of a metric's values: readings taken during the run, or the spans that ended in an interval.

A source is part of a metric's row. Its `figures` computes a table with one row per interval and one column per member
of a level, nan where there is no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry.expression import Expression

if TYPE_CHECKING:
    from meshquake.sim.telemetry.hosts.traffic import Traffic
    from meshquake.sim.telemetry.spans.spans import Spans

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Quantity = Callable[["Spans"], Floats]
#: Selects services or edges of a topology, as (service, None) or (caller, callee).
Concerned = Callable[[Topology], Collection[tuple[str, str | None]]]


class Ordered(Protocol):
    """A quantity of the spans in each cell of a table, sorted."""

    def quantile(self, quantile: float) -> Floats: ...


class Counted(Protocol):
    """Spans in a table with one row per interval and one column per member of a level."""

    def count(self, chosen: Callable[[Spans], Mask] | None = None) -> Floats: ...

    def total(self, amounts: Floats) -> Floats: ...

    def ranked(self, quantity: Callable[[Spans], Floats]) -> Ordered: ...


class OnDisks(Protocol):
    """Tables with one row per interval and one column per replica (`sim.telemetry.hosts.disks`)."""

    @property
    def read(self) -> Floats: ...

    @property
    def written(self) -> Floats: ...

    @property
    def used(self) -> Floats: ...

    @property
    def logs(self) -> Floats: ...


class Intervals(Protocol):
    """What sources compute figures from: readings and spans of some intervals (`sim.telemetry.sampling.measured`)."""

    @property
    def length(self) -> float: ...

    @property
    def readings(self) -> Mapping[str, Floats]: ...

    def combined(self, values: Floats, of: Level, level: Level, combine: Combine) -> Floats: ...

    def cells(self, side: Side, level: Level) -> Counted: ...

    def concerned(self, level: Level, which: Concerned) -> Mask: ...

    def traffic(self, side: Side) -> Traffic: ...

    @property
    def disks(self) -> OnDisks: ...


class Things(Protocol):
    """The things that were read (`sim.telemetry.sampling.roster`)."""

    def constants(self, level: Level, function: Callable[[Any], float]) -> Floats: ...


class Combine(Enum):
    """How values of replicas combine to one of their service, or those of callers to one of the edge.

    The enum's values are sentences for the documentation.
    """

    SUM = "Summed over replicas."
    MEAN = "Averaged over replicas."
    HIGHEST = "The highest of the replicas."


@dataclass(frozen=True)
class Read:
    """A value that is read at the end of each interval.

    Attributes
    ----------
    of
        What it is read of: a service, a replica, an edge, or a caller's state.
    read
        Reads it, given the thing and the simulated time in seconds; None if the thing lacks it, such as a pool.
    combine
        How values combine at higher levels.
    """

    of: Level
    read: Callable[[Any, float], float | None]
    combine: Combine

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """Compute the values of intervals from the readings at their ends.

        Parameters
        ----------
        readings
            One row per interval, one column per thing.
        before
            The last readings before these; 0 for things that were not there yet.
        there
            The things that were read.
        length
            Length of an interval in seconds.
        """
        return readings

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples of the metric with that name at a level."""
        return measured.combined(measured.readings[name], self.of, level, self.combine)


class Gauge(Read):
    """The value at the end of the interval, as a scrape would have found it."""


class Growth(Read):
    """The rate per second of a total that only grows. Not for a caller's state, which is lost with its process."""

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """Return the growth of the total in each interval."""
        return np.diff(readings, axis=0, prepend=before[np.newaxis])

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples of the metric with that name at a level."""
        return super().figures(measured, name, level) / measured.length


class Restarting(Growth):
    """The rate per second of a total that starts from 0 in each process."""

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """Return the growth of the total in each interval, in a new process from 0."""
        grown = super().settle(readings, before, there, length)
        return np.where(grown < 0, readings, grown)


@dataclass(frozen=True)
class Utilization(Read):
    """The share of the available time that was used: an exact average over the interval, from a total in seconds.

    `capacity` returns how many seconds a thing can use per second, such as its number of cores.
    """

    capacity: Callable[[Any], float]

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """Return the share used in each interval, in percent."""
        spent = np.diff(readings, axis=0, prepend=before[np.newaxis])
        available = length * there.constants(self.of, self.capacity)
        return 100 * np.clip(spent / available, 0.0, 1.0)


class Side(Enum):
    """A side of a call; each has its own span."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True)
class Rate:
    """The rate per second of the spans of a side that ended in the interval: those `chosen`, or all.

    If `of` says which services or edges have the metric, the others have no samples, except in intervals in which there
    is something to count all the same (a fault may answer with any error).
    """

    side: Side
    chosen: Callable[[Spans], Mask] | None = None
    of: Concerned | None = None

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level."""
        counts = measured.cells(self.side, level).count(self.chosen)
        if self.of is not None:
            counts[(counts == 0) & ~measured.concerned(level, self.of)] = np.nan
        return counts / measured.length


@dataclass(frozen=True)
class Share:
    """The share of the spans `among` (default: all) that are `chosen`, in percent.

    `empty` is the share where there are no spans; nan for no sample.
    """

    side: Side
    chosen: Callable[[Spans], Mask]
    among: Callable[[Spans], Mask] | None = None
    empty: float = np.nan

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level."""
        cells = measured.cells(self.side, level)
        part, whole = cells.count(self.chosen), cells.count(self.among)
        return np.divide(100 * part, whole, out=np.full_like(part, self.empty), where=whole > 0)


@dataclass(frozen=True)
class Quantile:
    """A quantile (from 0 to 1) of a quantity of the spans that have it, by nearest rank: a value that occurred."""

    side: Side
    quantity: Quantity
    quantile: float

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level."""
        return measured.cells(self.side, level).ranked(self.quantity).quantile(self.quantile)


@dataclass(frozen=True)
class Flow:
    """The rate per second of an amount of traffic (bytes or segments), over the spans that ended in the interval.

    `amount` returns the amount of each span; the `sides` are added.
    """

    amount: Callable[[Traffic], Floats]
    sides: tuple[Side, ...]

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level."""
        totals = (measured.cells(side, level).total(self.amount(measured.traffic(side))) for side in self.sides)
        return sum(totals, start=np.zeros(1)) / measured.length


@dataclass(frozen=True)
class OfDisks:
    """What replicas read from and write to disks, or store there; nan for replicas that don't.

    `a_second` turns amounts into rates per second; `besides` is added for each member of the level.
    """

    table: Callable[[OnDisks], Floats]
    a_second: bool
    besides: float = 0.0

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level, summed over replicas."""
        whole = measured.combined(self.table(measured.disks), Level.REPLICA, level, Combine.SUM)
        return whole / measured.length if self.a_second else whole + self.besides


@dataclass(frozen=True)
class Derived:
    """An expression over other metrics of the same service, replica and target, each as it would be recorded.

    `sources` has the sources of the metrics that the expression names.
    """

    expression: Expression
    sources: Mapping[str, Source]

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """Return the samples at a level."""
        values = {each: as_measured(source.figures(measured, each, level)) for each, source in self.sources.items()}
        return self.expression(values)


Source = Read | Rate | Share | Quantile | Flow | OfDisks | Derived


def as_measured(values: Floats) -> Floats:
    """Round samples as they are recorded in the units of the catalogue: to three decimals."""
    rounded: Floats = np.round(values, 3) + 0.0  # never -0.0
    return rounded
