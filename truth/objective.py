"""What users were promised (`topology.spec.Objective`), and when it was broken."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import ABANDONED
from meshquake.sim.telemetry.tables import Floats
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.spec import Objective
from meshquake.truth.counts import Counts, Ints
from meshquake.truth.watch import Requests

Mask = NDArray[np.bool_]
_UNFINISHED = CODES["unfinished"]
#: Seconds that are processed at once.
_PIECE = 4096


def is_failed(requests: Requests) -> Mask:
    """Which requests were answered with an error. An unanswered request has not failed: its user still waits."""
    outcome = requests.rows["outcome"]
    failed: Mask = (outcome != SUCCESS) & (outcome != _UNFINISHED)
    return failed


def is_bad(requests: Requests, objective: Objective) -> Mask:
    """Which requests failed, took longer than promised or than their users waited, or were never answered."""
    rows = requests.rows
    left = (rows["notes"] & ABANDONED) > 0
    bad: Mask = (rows["outcome"] != SUCCESS) | (requests.duration > objective.within) | left
    return bad


class Promise:
    """Counts the good and the bad requests of one run, second by second, for all entries together and for each.

    A success counts in the second in which its class is first known: at its end, or when it has taken too long. So does
    a request that is never answered, which is late. A failure counts at its end. Whatever would count after the
    recording is not counted.

    Parameters
    ----------
    objective
        The promise.
    entries
        Number of entry operations.
    seconds
        Length of the recording.

    Attributes
    ----------
    total, failed, slow
        Requests, those that failed, and those whose answer came too late or never, by second and entry; the first
        column is for all entries.
    """

    def __init__(self, objective: Objective, entries: int, seconds: float) -> None:
        self.objective = objective
        self._shape = ceil(seconds), 1 + entries
        self.total, self.failed, self.slow = (Counts(*self._shape) for _ in range(3))

    def anew(self) -> Promise:
        """The same promise, with nothing counted yet."""
        seconds, columns = self._shape
        return Promise(self.objective, columns - 1, seconds)

    def count(self, requests: Requests, chosen: Mask | None = None) -> None:
        """Count some more requests, or only the chosen ones of these."""
        failed = is_failed(requests)
        late = is_bad(requests, self.objective) & ~failed
        known = np.where(failed, requests.duration, np.minimum(requests.duration, self.objective.within))
        wanted = slice(None) if chosen is None else chosen
        self.add(requests.entry[wanted], (requests.rows["sent"] + known)[wanted], failed[wanted], late[wanted])

    def add(self, entry: Ints, known: Floats, failed: Mask, late: Mask) -> None:
        """Count some more requests.

        Parameters
        ----------
        entry
            The position of each request's entry operation.
        known
            When the outcome of each could first be known, in seconds since the recording began.
        failed, late
            Whether each failed, and whether it did not fail but its answer came too late.
        """
        second = known.astype(np.int64)
        counted = second < len(self.total)
        for table, which in (
            (self.total, counted),
            (self.failed, counted & failed),
            (self.slow, counted & late),
        ):
            for columns in (1 + entry[which], np.zeros(int(which.sum()), dtype=np.int64)):
                table.add(second[which], columns)

    # -- counts in the window that ends with each of some seconds, one row per second ---------------------------------

    def pieces(self) -> Iterator[slice]:
        """The seconds of the recording in pieces, small enough that computing with them takes little memory."""
        seconds, _ = self._shape
        return (slice(first, min(first + _PIECE, seconds)) for first in range(0, seconds, _PIECE))

    def requests(self, seconds: slice) -> Ints:
        """All requests."""
        return self._over_window(self.total, seconds)

    def bad(self, seconds: slice) -> Ints:
        """Requests that failed or came too late."""
        return self._over_window(self.failed, seconds) + self._over_window(self.slow, seconds)

    def breaks(self, bad: Ints | Floats, seconds: slice) -> Mask:
        """Whether this many bad requests break the promise."""
        # A share such as 0.95 has no exact binary form: a count right at the limit keeps the promise.
        allowed = (1.0 - self.objective.share) * self.requests(seconds) + 1e-9
        broken: Mask = (bad > allowed) & (bad >= self.objective.minimum)
        return broken

    def broken(self) -> Mask:
        """Whether the promise is broken in the window that ends with each second of the recording."""
        return np.concatenate([self.breaks(self.bad(piece), piece) for piece in self.pieces()])

    def worst(self) -> tuple[int, int, float]:
        """The window that breaks the promise most: the second it ends in, its column, and its share of bad requests.

        The first of several; a share of 0 if none breaks it.
        """
        found = []
        for piece in self.pieces():
            bad, total = self.bad(piece), self.requests(piece)
            shares = np.divide(bad, total, out=np.zeros(bad.shape), where=(total > 0) & self.breaks(bad, piece))
            row, column = (int(index) for index in np.unravel_index(int(np.argmax(shares)), shares.shape))
            found.append((piece.start + row, column, float(shares[row, column])))
        return max(found, key=lambda each: each[2])

    def _over_window(self, counts: Counts, seconds: slice) -> Ints:
        length = int(self.objective.window)  # of whole seconds; the first windows are shorter
        first = max(0, seconds.start - length + 1)
        sums = np.cumsum(counts[first : seconds.stop], axis=0)
        sums[length:] -= sums[:-length].copy()
        return sums[seconds.start - first :]
