"""When there are enough runs: a relative precision, reached run by run.

The sequential procedure of A. M. Law and W. D. Kelton ("Simulation Modeling and Analysis", section 9.4.1 of the 5th
edition): the half-width of the interval, over the mean's absolute value, is at most r / (1 + r). Then the mean is
within r of the truth, relative to the truth and not to the estimate. It begins with ten runs or more, since a small
variance may be chance. Checking only now and then, as here, stops no earlier than checking after each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite

from meshquake.ensembles.intervals import Interval

#: Runs before the first check.
LEAST = 10
#: The least number of runs between two checks.
STEP = 10
#: The share of the runs that the variance so far requires, after which to check again.
_SHARE = 0.9


@dataclass(frozen=True)
class Until:
    """A precision to reach: for a response, given by its label, the error relative to its mean."""

    response: str
    relative: float

    def reached(self, interval: Interval) -> bool:
        """Whether an interval is narrow enough: never around 0, to which nothing is relative."""
        return interval.estimate != 0 and interval.half <= self._most(interval)

    def next_look(self, interval: Interval, runs: int, most: int) -> int:
        """After how many runs to check again, if it was not reached so far; `most` if there is no other check.

        Around 0 the variance so far says nothing of how many runs are required, so that is `STEP` runs on.
        """
        wanted = float(runs)
        if isfinite(interval.half) and self._most(interval) > 0:
            wanted = runs * (interval.half / self._most(interval)) ** 2
        return min(most, max(runs + STEP, ceil(_SHARE * min(wanted, most))))

    def _most(self, interval: Interval) -> float:
        return self.relative / (1 + self.relative) * abs(interval.estimate)
