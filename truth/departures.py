"""When a metric departed from its values without a fault: several runs, second by second.

Two runs of a seed are equal until the fault begins, to the bit. After that nearly everything differs a little, since
calls meet each other in other queues. So a series has departed if it goes more than twice as far from its usual value
as it ever did without the fault; its onset is the first second at which it differs from its value in the run without
the fault and lies outside the usual range. Nothing here is tuned to a scenario.

A rate cannot fall below zero, and with few requests single seconds often have none: no fall can exceed twice that
reach. The means of stretches of seconds are steadier, the more so the longer the stretch. So a series whose seconds
have not departed has departed if the means of its stretches did, by the same rule: two stretches that share no second
are more than twice as far down as stretches ever went. Its seconds are those within the stretches that are lower than
such a mean may be, and lower than in the run without the fault.

A share is bounded at its other end as well: where few requests come, one that fails by itself is half or all of its
second, and no rise goes twice as far. So a share for which no second could count has risen if its complement has
fallen, by the same rule.

The run without any fault defines what is usual: its median, and how far it goes from there. Other faults shift that, by
the difference between the run without this fault and the one without any, within some seconds of the moment. A single
fault has no such shift, to the bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from meshquake.sim.telemetry.metrics import METRICS, Alert, Kind
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.topology.placement import NODES
from meshquake.truth.sample_file import SampleFile

#: A series departs when it is further off than twice the usual reach in this many seconds: one odd second is nothing.
SUSTAINED = 3
#: Falls are also looked for in stretches of these lengths in seconds; one stretch begins in each second.
STRETCHES = (5, 10, 20)
#: A series falls when the stretches too far down are this many times the seconds of a stretch: two then share none.
APART = 2
#: The effect of other faults at a moment is their effect within this many seconds of it.
NEARBY = 5
#: The largest value of metrics that are shares of requests.
_WHOLE = {name: 100.0 for name, metric in METRICS.items() if metric.share_of}
_COUNTERS = {name for name, metric in METRICS.items() if metric.kind is Kind.COUNTER}


@dataclass(frozen=True)
class Departure:
    """How a series departed: seconds (positions from 0), and the value at the peak with the usual value then.

    For a fall that only stretches show, the usual value is that of their means.

    `last` is the last second in which it was too far off.
    """

    onset: int
    peak: int
    last: int
    value: float
    usual: float

    @property
    def direction(self) -> Alert:
        """Which alerts it concerns: those on a rise, or those on a fall."""
        return Alert.RISE if self.value > self.usual else Alert.FALL


def departures(fact: SampleFile, other: SampleFile, healthy: SampleFile, begin: float) -> dict[Series, Departure]:
    """The departures of the series of `fact` since `begin` (simulated seconds).

    `fact` is the run as it was, `other` the one without the fault in question, and `healthy` the one without any.
    """
    length = min(len(fact), len(other), len(healthy))
    found: dict[Series, Departure] = {}
    if length:
        for group in fact.groups(length):
            values, without, usually = (samples.of(group)[:length] for samples in (fact, other, healthy))
            # A rate that exists only where there is something to count (`sources.Rate`) is 0 if it was never there.
            absent = np.isnan(usually).all(axis=0) & np.array([_is_counted(series) for series in group])
            if absent.any():
                values, without, usually = (
                    np.where(absent, np.nan_to_num(each), each) for each in (values, without, usually)
                )
            whole = np.array([_WHOLE.get(series.metric, np.inf) for series in group])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # series without a single sample are nan throughout
                departed = _departures(values, without, usually, int(begin), whole)
                # A node is not a service: the services that run there have moved.
                found.update((group[column], each) for column, each in departed if group[column].service != NODES)
    return found


def _is_counted(series: Series) -> bool:
    """Whether it counts something of a whole service or edge, which existed all the time."""
    return series.replica is None and series.metric in _COUNTERS


def _departures(
    fact: Floats, other: Floats, healthy: Floats, begin: int, whole: Floats
) -> Iterator[tuple[int, Departure]]:
    """The departures of series, one per column, by column; `whole` is the largest value of each."""
    usual = _usual(other, healthy)
    off = np.abs(fact - usual.value)
    far = off > 2 * usual.reach
    outside = ((fact < usual.low) | (fact > usual.high)) & (fact != other)
    far[:begin] = outside[:begin] = False
    departed = far.sum(axis=0) >= SUSTAINED
    for column in np.flatnonzero(departed).tolist():
        peak = int(np.nanargmax(np.where(far[:, column], off[:, column], -1.0)))
        onset, last = int(np.argmax(outside[:, column])), int(np.flatnonzero(far[:, column])[-1])
        yield column, Departure(onset, peak, last, float(fact[peak, column]), float(usual.value[peak, column]))
    for stretch in STRETCHES:
        for column, fall in _falls(fact, other, healthy, begin, stretch):
            if not departed[column]:
                departed[column] = True
                yield column, fall
    bounded = np.flatnonzero(~departed & (np.nanmin(usual.value + 2 * usual.reach, axis=0) >= whole))
    left, without, usually = (whole[bounded] - values[:, bounded] for values in (fact, other, healthy))
    for stretch in STRETCHES if len(bounded) else ():
        for place, fall in _falls(left, without, usually, begin, stretch):
            column = int(bounded[place])
            if not departed[column]:
                departed[column] = True
                most = float(whole[column])
                yield column, replace(fall, value=most - fall.value, usual=most - fall.usual)


def _falls(fact: Floats, other: Floats, healthy: Floats, begin: int, stretch: int) -> Iterator[tuple[int, Departure]]:
    """The falls that single seconds do not show: falls of the means of stretches, one starting at each second."""
    if len(fact) < stretch:
        return
    means, without, usually = (_means(each, stretch) for each in (fact, other, healthy))
    # Twice as far down is lower than ever: few series are, and only for those the usual values are computed.
    lower = means < np.nanmin(usually, axis=0) + _shift(without - usually)[0]
    lower[:begin] = False  # only stretches that began with the fault or later
    some = np.flatnonzero(lower.sum(axis=0) >= APART * stretch)
    usual = _usual(without[:, some], usually[:, some])
    least = usual.value - 2 * (usual.value - usual.low)  # only how far they go down counts
    far = lower[:, some] & (means[:, some] < least)
    # The stretch that begins in a second gives its usual value; at the end, the last stretch does.
    first = np.minimum(np.arange(len(fact)), len(far) - 1)
    for place in np.flatnonzero(far.sum(axis=0) >= APART * stretch).tolist():
        column, bound = int(some[place]), least[first, place]
        within = np.convolve(far[:, place], np.ones(stretch, dtype=int)) > 0
        fallen = within & (fact[:, column] < np.minimum(bound, other[:, column]))
        if fallen.any():
            seconds = np.flatnonzero(fallen)
            peak = int(seconds[np.argmin(fact[seconds, column])])
            told = float(fact[peak, column]), float(usual.value[first[peak], place])
            yield column, Departure(int(seconds[0]), peak, int(seconds[-1]), *told)


class _Usual(NamedTuple):
    """The usual values of series, second by second: the value, the bounds, and their reach from it."""

    value: Floats
    low: Floats
    high: Floats
    reach: Floats


def _usual(other: Floats, healthy: Floats) -> _Usual:
    low, high, usual = (function(healthy, axis=0) for function in (np.nanmin, np.nanmax, np.nanmedian))
    least, most = _shift(other - healthy)
    reach = np.maximum(high - usual, usual - low) + (most - least) / 2
    # A series that is never negative is not negative without the fault either.
    value = np.maximum(usual + (least + most) / 2, np.minimum(low, 0.0))
    return _Usual(value, low + least, high + most, reach)


def _means(values: Floats, stretch: int) -> Floats:
    """The mean of each stretch, by its first second; nan if a second has no sample."""
    means: Floats = np.lib.stride_tricks.sliding_window_view(values, stretch, axis=0).mean(axis=-1)
    return means


def _shift(difference: Floats) -> tuple[Floats, Floats]:
    """The least and the greatest difference between two runs near each second; 0 if there is none."""
    if not np.nan_to_num(difference).any():  # as for a single fault
        return np.zeros_like(difference), np.zeros_like(difference)
    padding = ((NEARBY, NEARBY), (0, 0))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(difference, padding, constant_values=np.nan), 2 * NEARBY + 1, axis=0
    )
    least, most = (np.nan_to_num(function.reduce(around, axis=-1)) for function in (np.fmin, np.fmax))
    return least, most
