"""When a metric left what it would have been without a fault: fact and twin, second by second.

Two runs of a seed are equal until the fault begins, to the bit. After that nearly everything differs a little, since
calls meet each other in other queues. So a series has departed if it goes further from the twin's median than twice as
far as the twin's own values ever went; and its onset is the first second at which it differs from the twin's value of
the same second and lies outside everything that the twin shows. Nothing here is tuned to a scenario.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from meshquake.sim.telemetry.tables import Floats

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
    def is_rise(self) -> bool:
        """Whether it went up."""
        return self.value > self.usual


def departures(fact: Floats, other: Floats, healthy: Floats, begin: float) -> dict[int, Departure]:
    """The departures of all series since `begin` (simulated seconds), by column.

    `fact` is the run as it was, `other` the one without what is asked about, and `healthy` the one without any fault,
    which says what is usual: what other faults do is no measure. All have the shape (seconds, series), and nan where
    there is no sample. A departure that `other` shows too, to within the usual reach, is not of this fault.
    """
    length = min(len(fact), len(other), len(healthy))
    if length == 0:
        return {}
    fact, other, healthy = fact[:length], other[:length], healthy[:length]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # series without a single sample are nan throughout
        low, high, usual = (function(healthy, axis=0) for function in (np.nanmin, np.nanmax, np.nanmedian))
    reach = np.maximum(high - usual, usual - low)
    off = np.abs(fact - usual)
    own = ~(np.abs(fact - other) <= reach)
    far, outside = (off > 2 * reach) & own, ((fact < low) | (fact > high)) & (fact != other)
    first = int(begin)
    far[:first] = outside[:first] = False
    found = {}
    for column in np.flatnonzero(far.sum(axis=0) >= SUSTAINED).tolist():
        peak = int(np.nanargmax(np.where(far[:, column], off[:, column], -1.0)))
        onset = int(np.argmax(outside[:, column]))
        found[column] = Departure(onset, peak, float(fact[peak, column]), float(usual[column]))
    return found
