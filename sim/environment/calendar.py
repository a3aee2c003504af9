"""Estimates when requests come from their numbers, before they do."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from meshquake.sim.engine.tape import SCATTERED
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.topology.distributions import Floats


class Calendar:
    """The times of the requests of one entry whose numbers follow one another in time.

    The n-th event of a Poisson process comes at n / rate, give or take sqrt(n) / rate: after ten minutes at 50 a
    second, 3.5 seconds. So an amount that fluctuates over minutes can be looked up by number and belongs to the
    request: it is the same in every run, whenever the request gets to a service.

    Parameters
    ----------
    pace
        How time passes for users whose number fluctuates, if it does.
    """

    def __init__(self, pace: Fluctuating | None) -> None:
        self._pace = pace
        #: The first number of each group of users, in order; for each, the rate per second and the time it starts.
        self._firsts: list[int] = []
        self._come: dict[int, tuple[float, float]] = {}
        #: The times asked for last, and what was returned: the sites of an entry ask for the same page one after
        #: another.
        self._asked = (-1, 0)
        self._last: Floats | None = None

    def note(self, first: int, rate: float, begin: float) -> None:
        """Note that users come from `begin` on at `rate` requests per second, numbered from `first` on."""
        self._firsts.insert(bisect_right(self._firsts, first), first)
        self._come[first] = rate, begin
        self._asked = (-1, 0)

    def times(self, first: int, count: int) -> Floats | None:
        """Return the times (seconds) of `count` requests from number `first` on; None if numbers do not follow time."""
        if self._asked != (first, count):
            self._asked, self._last = (first, count), self._times(first, count)
        return self._last

    def _times(self, first: int, count: int) -> Floats | None:
        # A page of draws may begin before the first number that is in use; nobody asks for that part.
        place = bisect_right(self._firsts, first + count - 1)
        if first >= SCATTERED or not place:
            return None
        block = self._firsts[place - 1]
        rate, begin = self._come[block]
        passed = np.maximum(0, np.arange(count) + (first - block)) / rate
        return begin + passed if self._pace is None else self._pace.times(passed, begin)
