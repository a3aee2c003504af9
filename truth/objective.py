"""What users were promised (`topology.spec.Objective`), and when it was broken."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.telemetry.tables import Floats
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.spec import Objective
from meshquake.truth.watch import Requests

Mask = NDArray[np.bool_]
_UNFINISHED = CODES["unfinished"]


def is_failed(requests: Requests) -> Mask:
    """Which requests were answered with an error. One that was never answered hasn't failed: its user still waits."""
    outcome = requests.rows["outcome"]
    failed: Mask = (outcome != SUCCESS) & (outcome != _UNFINISHED)
    return failed


def is_bad(requests: Requests, objective: Objective) -> Mask:
    """Which requests failed, took longer than was promised, or were never answered."""
    bad: Mask = (requests.rows["outcome"] != SUCCESS) | (requests.duration > objective.within)
    return bad


class Promise:
    """Counts the good and the bad requests of one run, second by second, for all entries together and for each.

    A success counts in the second in which one can first know what it is: at its end, or when it has taken too long. So
    does a request that is never answered: it is too late. A failure counts at its end. What would count after the
    recording is not counted.

    Parameters
    ----------
    objective
        What was promised.
    entries
        Number of entry operations.
    seconds
        Length of the recording.

    Attributes
    ----------
    total, failed, slow
        Requests, those that failed, and those whose answer came too late or never; arrays of shape
        (seconds, 1 + entries), the first column for all of them.
    """

    def __init__(self, objective: Objective, entries: int, seconds: float) -> None:
        self.objective = objective
        shape = (ceil(seconds), 1 + entries)
        self.total, self.failed, self.slow = (np.zeros(shape, dtype=np.int64) for _ in range(3))

    def anew(self) -> Promise:
        """The same promise, with nothing counted yet."""
        seconds, columns = self.total.shape
        return Promise(self.objective, columns - 1, seconds)

    @property
    def bad(self) -> NDArray[np.int64]:
        """Requests that failed or came too late, in the shape of `total`."""
        return self.failed + self.slow

    def count(self, requests: Requests, chosen: Mask | None = None) -> None:
        """Count some more requests, or of these the chosen ones."""
        failed = is_failed(requests)
        late = is_bad(requests, self.objective) & ~failed
        known = np.where(failed, requests.duration, np.minimum(requests.duration, self.objective.within))
        second = (requests.rows["sent"] + known).astype(np.int64)
        counted = second < len(self.total) if chosen is None else chosen & (second < len(self.total))
        for table, which in (
            (self.total, counted),
            (self.failed, counted & failed),
            (self.slow, counted & late),
        ):
            np.add.at(table, (second[which], 1 + requests.entry[which]), 1)
            np.add.at(table[:, 0], second[which], 1)

    def shares(self) -> Floats:
        """The share of bad requests in the window that ends with each second, in the shape of `total`."""
        total, bad = self.over_window(self.total), self.over_window(self.bad)
        return np.divide(bad, total, out=np.zeros(bad.shape), where=total > 0)

    def broken(self) -> Mask:
        """Whether the promise is broken in the window that ends with each second, in the shape of `total`."""
        return self.breaks(self.over_window(self.bad))

    def breaks(self, bad: NDArray[np.int64] | Floats) -> Mask:
        """Whether so many bad requests in the window that ends with each second break the promise."""
        # A share such as 0.95 has no exact binary form: a count right at the limit keeps the promise.
        allowed = (1.0 - self.objective.share) * self.over_window(self.total) + 1e-9
        broken: Mask = (bad > allowed) & (bad >= self.objective.minimum)
        return broken

    def over_window(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums of counts by second over the window that ends with each; the first ones are shorter."""
        length = int(self.objective.window)  # of whole seconds
        sums = np.cumsum(counts, axis=0)
        sums[length:] -= sums[:-length].copy()
        return sums
