"""When a metric left what it would have been without a fault: several runs, second by second.

Two runs of a seed are equal until the fault begins, to the bit. After that nearly everything differs a little, since
calls meet each other in other queues. So a series has departed if it goes further from what is usual without the fault
than twice as far as it ever went there; and its onset is the first second at which it differs from its value in the run
without the fault and lies outside everything that is usual. Nothing here is tuned to a scenario.

What is usual is told by the run without any fault: its median, and how far it goes from there. Other faults shift that:
by how much, is told by the difference between the run without this fault and the one without any, within some seconds
of the moment. A fault that is alone has no such shift, to the bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from meshquake.sim.telemetry.metrics import METRICS, Alert, Kind
from meshquake.sim.telemetry.series import Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.sample_file import SampleFile

#: A series departs when it is further off than twice the usual reach in so many seconds: one odd second is nothing.
SUSTAINED = 3
#: What other faults do at a moment is what they do within so many seconds of it.
NEARBY = 5
_COUNTERS = {name for name, metric in METRICS.items() if metric.kind is Kind.COUNTER}


@dataclass(frozen=True)
class Departure:
    """How a series departed: seconds (their positions, from 0), and the value at the peak with the usual one then.

    `last` is the last second in which it was further off than it may be.
    """

    onset: int
    peak: int
    last: int
    value: float
    usual: float

    @property
    def direction(self) -> Alert:
        """Which alerts it is one for: those on a rise, or those on a fall."""
        return Alert.RISE if self.value > self.usual else Alert.FALL


def departures(fact: SampleFile, other: SampleFile, healthy: SampleFile, begin: float) -> dict[Series, Departure]:
    """The departures of the series of `fact` since `begin` (simulated seconds).

    `fact` is the run as it was, `other` the one without the fault that is asked about, and `healthy` the one without
    any.
    """
    length = min(len(fact), len(other), len(healthy))
    found: dict[Series, Departure] = {}
    if length:
        for group in fact.groups(length):
            values, without, usually = (samples.of(group)[:length] for samples in (fact, other, healthy))
            # What is counted only where there is something to count (`sources.Rate`) was never there: that is nothing.
            absent = np.isnan(usually).all(axis=0) & np.array([_is_counted(series) for series in group])
            if absent.any():
                values, without, usually = (
                    np.where(absent, np.nan_to_num(each), each) for each in (values, without, usually)
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # series without a single sample are nan throughout
                departed = _departures(values, without, usually, int(begin))
                found.update((group[column], each) for column, each in departed)
    return found


def _is_counted(series: Series) -> bool:
    """Whether it counts something of a service or an edge as a whole, which was there all the time."""
    return series.replica is None and series.metric in _COUNTERS


def _departures(fact: Floats, other: Floats, healthy: Floats, begin: int) -> Iterator[tuple[int, Departure]]:
    """The departures of series, a column each, by column."""
    low, high, usual = (function(healthy, axis=0) for function in (np.nanmin, np.nanmax, np.nanmedian))
    least, most = _shift(other - healthy)
    usually = usual + (least + most) / 2
    reach = np.maximum(high - usual, usual - low) + (most - least) / 2
    off = np.abs(fact - usually)
    far = off > 2 * reach
    outside = ((fact < low + least) | (fact > high + most)) & (fact != other)
    far[:begin] = outside[:begin] = False
    for column in np.flatnonzero(far.sum(axis=0) >= SUSTAINED).tolist():
        peak = int(np.nanargmax(np.where(far[:, column], off[:, column], -1.0)))
        onset, last = int(np.argmax(outside[:, column])), int(np.flatnonzero(far[:, column])[-1])
        yield column, Departure(onset, peak, last, float(fact[peak, column]), float(usually[peak, column]))


def _shift(difference: Floats) -> tuple[Floats, Floats]:
    """The least and the most that each second has of a difference between two runs, nearby; 0 where there is none."""
    padding = ((NEARBY, NEARBY), (0, 0))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(difference, padding, constant_values=np.nan), 2 * NEARBY + 1, axis=0
    )
    least, most = (np.nan_to_num(function.reduce(around, axis=-1)) for function in (np.fmin, np.fmax))
    return least, most
