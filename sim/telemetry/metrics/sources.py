"""Where the values of a metric come from: readings taken on the way, or the spans that ended in an interval.

A source is a value in a metric's row. `figures` makes of it a table with a row an interval and a column a member of a
level, nan where there is no sample.
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
#: Services of a topology, or edges of it, as their names and those of the callees; None for that of no edge.
Concerned = Callable[[Topology], Collection[tuple[str, str | None]]]


class Ordered(Protocol):
    """A quantity of the spans of each cell of a table, in order."""

    def quantile(self, quantile: float) -> Floats: ...


class Counted(Protocol):
    """Spans in a table with a row an interval and a column a member of a level."""

    def count(self, chosen: Callable[[Spans], Mask] | None = None) -> Floats: ...

    def total(self, amounts: Floats) -> Floats: ...

    def ranked(self, quantity: Callable[[Spans], Floats]) -> Ordered: ...


class OnDisks(Protocol):
    """Tables with a row an interval and a column a replica (`sim.telemetry.hosts.disks`)."""

    @property
    def read(self) -> Floats: ...

    @property
    def written(self) -> Floats: ...

    @property
    def used(self) -> Floats: ...

    @property
    def logs(self) -> Floats: ...


class Intervals(Protocol):
    """What a source needs to know of some intervals (`sim.telemetry.sampling.measured`)."""

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
    """What there was to read of (`sim.telemetry.sampling.roster`)."""

    def constants(self, level: Level, function: Callable[[Any], float]) -> Floats: ...


class Combine(Enum):
    """What a service has of its replicas, or an edge of its callers; the value says so in the documentation."""

    SUM = "Summed over replicas."
    MEAN = "Averaged over replicas."
    HIGHEST = "Of several replicas, the highest."


@dataclass(frozen=True)
class Read:
    """Read at the end of each interval.

    Attributes
    ----------
    of
        What it is read of: a replica, an edge, or a caller's state.
    read
        Reads it, given the thing and the simulated time in seconds; None from what doesn't have it, such as a pool.
    combine
        What levels above have of it.
    """

    of: Level
    read: Callable[[Any, float], float | None]
    combine: Combine

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """What intervals have of the readings at their ends.

        Parameters
        ----------
        readings
            A row an interval, a column a thing.
        before
            The readings before the first of them; 0 for what was not there yet.
        there
            Whom there was to read of.
        length
            Length of an interval in seconds.
        """
        return readings

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples of the metric of that name at a level."""
        return measured.combined(measured.readings[name], self.of, level, self.combine)


class Gauge(Read):
    """Is what it was at the end of the interval, as a scrape would have found it."""


class Growth(Read):
    """A total that only grows, as a rate a second. Not of a caller's state, which is lost with its process."""

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """By how much the total grew in each interval."""
        return np.diff(readings, axis=0, prepend=before[np.newaxis])

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples of the metric of that name at a level."""
        return super().figures(measured, name, level) / measured.length


class Restarting(Growth):
    """A total that grows from 0 again in each process, as a rate a second."""

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """By how much the total grew in each interval; in a new process, from 0."""
        grown = super().settle(readings, before, there, length)
        return np.where(grown < 0, readings, grown)


@dataclass(frozen=True)
class Utilization(Read):
    """A total of seconds spent, as the share of what there was to spend: an exact average over the interval.

    `capacity` says how many seconds a thing can spend a second, such as its number of cores.
    """

    capacity: Callable[[Any], float]

    def settle(self, readings: Floats, before: Floats, there: Things, length: float) -> Floats:
        """The share spent in each interval, in percent."""
        spent = np.diff(readings, axis=0, prepend=before[np.newaxis])
        available = length * there.constants(self.of, self.capacity)
        return 100 * np.clip(spent / available, 0.0, 1.0)


class Side(Enum):
    """A side of a call: the two have a span each."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True)
class Rate:
    """The spans of a side that ended in the interval, a second; those chosen, or all.

    Where `of` says whom it is of, there is no sample of the others, unless there is something to count all the same (a
    fault may answer with any error).
    """

    side: Side
    chosen: Callable[[Spans], Mask] | None = None
    of: Concerned | None = None

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples at a level."""
        counts = measured.cells(self.side, level).count(self.chosen)
        if self.of is not None:
            counts[(counts == 0) & ~measured.concerned(level, self.of)] = np.nan
        return counts / measured.length


@dataclass(frozen=True)
class Share:
    """In percent, the spans chosen of those that are `among` (of all, if that is None).

    `empty` is what the share of none is; nan if that is no sample.
    """

    side: Side
    chosen: Callable[[Spans], Mask]
    among: Callable[[Spans], Mask] | None = None
    empty: float = np.nan

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples at a level."""
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
        """The samples at a level."""
        return measured.cells(self.side, level).ranked(self.quantity).quantile(self.quantile)


@dataclass(frozen=True)
class Flow:
    """What the messages of the spans that ended in the interval come to, a second: bytes, or segments.

    `amount` says it of each span; those of the `sides` are added.
    """

    amount: Callable[[Traffic], Floats]
    sides: tuple[Side, ...]

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples at a level."""
        totals = (measured.cells(side, level).total(self.amount(measured.traffic(side))) for side in self.sides)
        return sum(totals, start=np.zeros(1)) / measured.length


@dataclass(frozen=True)
class OfDisks:
    """What replicas do to disks, or have on them; nan of those that don't.

    `a_second` says that it is an amount to be divided by time; `besides` is what a member of a level has besides.
    """

    table: Callable[[OnDisks], Floats]
    a_second: bool
    besides: float = 0.0

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples at a level, summed over replicas."""
        whole = measured.combined(self.table(measured.disks), Level.REPLICA, level, Combine.SUM)
        return whole / measured.length if self.a_second else whole + self.besides


@dataclass(frozen=True)
class Derived:
    """What an expression makes of other metrics of the same series, as they would be recorded by themselves.

    `sources` are the sources of those that it names.
    """

    expression: Expression
    sources: Mapping[str, Source]

    def figures(self, measured: Intervals, name: str, level: Level) -> Floats:
        """The samples at a level."""
        values = {each: as_measured(source.figures(measured, each, level)) for each, source in self.sources.items()}
        return self.expression(values)


Source = Read | Rate | Share | Quantile | Flow | OfDisks | Derived


def as_measured(values: Floats) -> Floats:
    """Samples as they are recorded in the units of the catalogue: with three decimals."""
    rounded: Floats = np.round(values, 3) + 0.0  # never -0.0
    return rounded
