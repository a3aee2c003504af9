"""When requests come, by their numbers: about, and before they do."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from meshquake.sim.engine.tape import SCATTERED
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.topology.distributions import Floats


class Calendar:
    """The times of the requests of one entry whose numbers follow one another in time.

    Of a Poisson process the n-th comes at n / rate, give or take the square root of n over the rate: after ten minutes
    at 50 a second, 3.5 seconds. So what goes up and down over minutes may be looked up by number, and be a request's
    own: the same in every run, whenever the request gets to a service.

    Parameters
    ----------
    pace
        How time passes for users who come and go by themselves, if they do.
    """

    def __init__(self, pace: Fluctuating | None) -> None:
        self._pace = pace
        #: The first numbers of those who come, in order; for each, how many come in a second, and since when.
        self._firsts: list[int] = []
        self._come: dict[int, tuple[float, float]] = {}
        #: Which times were asked for last, and those: the sites of an entry turn to the same page one after another.
        self._asked = (-1, 0)
        self._last: Floats | None = None

    def note(self, first: int, rate: float, begin: float) -> None:
        """Users come from a time on, so many a second, whose requests are numbered from `first` on."""
        self._firsts.insert(bisect_right(self._firsts, first), first)
        self._come[first] = rate, begin
        self._asked = (-1, 0)

    def times(self, first: int, count: int) -> Floats | None:
        """The times (seconds) of so many requests from number `first` on; None of users who take turns."""
        if self._asked != (first, count):
            self._asked, self._last = (first, count), self._times(first, count)
        return self._last

    def _times(self, first: int, count: int) -> Floats | None:
        # Some of a page of draws may lie before the first number of those who come; nobody asks for them.
        place = bisect_right(self._firsts, first + count - 1)
        if first >= SCATTERED or not place:
            return None
        block = self._firsts[place - 1]
        rate, begin = self._come[block]
        passed = np.maximum(0, np.arange(count) + (first - block)) / rate
        return begin + passed if self._pace is None else self._pace.times(passed, begin)
