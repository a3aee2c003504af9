"""When a metric left what it would have been without a fault: fact and twin, second by second.

Two runs of a seed are equal until the fault begins, to the bit. After that nearly everything differs a little, since
calls meet each other in other queues. So a series has departed if it goes further from the twin's median than twice as
far as the twin's own values ever went; and its onset is the first second at which it differs from the twin's value of
the same second and lies outside everything that the twin shows. Nothing here is tuned to a scenario.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshquake.sim.telemetry.metrics import Alert
from meshquake.sim.telemetry.series import Series
from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.sample_file import SampleFile

#: A series departs when it is further off than twice the twin's reach in so many seconds: one odd second is nothing.
SUSTAINED = 3


@dataclass(frozen=True)
class Departure:
    """How a series departed: seconds (their positions, from 0), and the value at the peak with the twin's median."""

    onset: int
    peak: int
    value: float
    usual: float

    @property
    def direction(self) -> Alert:
        """Which alerts it is one for: those on a rise, or those on a fall."""
        return Alert.RISE if self.value > self.usual else Alert.FALL


def departures(fact: SampleFile, other: SampleFile, healthy: SampleFile, begin: float) -> dict[Series, Departure]:
    """The departures of the series of `fact` since `begin` (simulated seconds).

    `fact` is the run as it was, `other` the one without what is asked about, and `healthy` the one without any fault,
    which says what is usual: what other faults do is no measure. A departure that `other` shows too, to within the
    usual reach, is not of this fault.
    """
    length = min(len(fact), len(other), len(healthy))
    found: dict[Series, Departure] = {}
    if length:
        for group in fact.groups(length):
            values, without, usually = (samples.of(group)[:length] for samples in (fact, other, healthy))
            found |= _departures(group, values, without, usually, int(begin))
    return found


def _departures(
    series: Sequence[Series], values: Floats, without: Floats, usually: Floats, first: int
) -> dict[Series, Departure]:
    """The same of some series, a column each, since the second `first`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # series without a single sample are nan throughout
        low, high, usual = (function(usually, axis=0) for function in (np.nanmin, np.nanmax, np.nanmedian))
    reach = np.maximum(high - usual, usual - low)
    off = np.abs(values - usual)
    own = ~(np.abs(values - without) <= reach)
    far, outside = (off > 2 * reach) & own, ((values < low) | (values > high)) & (values != without)
    far[:first] = outside[:first] = False
    found = {}
    for column in np.flatnonzero(far.sum(axis=0) >= SUSTAINED).tolist():
        peak = int(np.nanargmax(np.where(far[:, column], off[:, column], -1.0)))
        onset = int(np.argmax(outside[:, column]))
        found[series[column]] = Departure(onset, peak, float(values[peak, column]), float(usual[column]))
    return found
