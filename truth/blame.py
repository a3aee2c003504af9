"""Which fault broke the promise to users, and when."""

from __future__ import annotations

import numpy as np

from meshquake.truth.objective import Mask, Promise
from meshquake.truth.verdict import Verdicts


class Blame:
    """Counts the requests that faults harmed, and lays broken promises at the door of faults.

    A fault broke the promise in a window if the promise would have been kept had this fault harmed nobody, or broken
    had no other fault harmed anybody. Where no fault is of that kind (it took several, each with too little to matter),
    it is all that harmed anyone.

    Parameters
    ----------
    promise
        What became of the promise in the run as it was.
    faults
        Number of faults.
    """

    def __init__(self, promise: Promise, faults: int) -> None:
        self._promise = promise
        #: Requests that were harmed: by any fault, and by each.
        self._all, *self._each = (promise.anew() for _ in range(1 + faults))

    def take(self, verdicts: Verdicts) -> None:
        """Take verdicts on some requests into account."""
        self._all.count(verdicts.fact, verdicts.harmed)
        for harmed, causes in zip(self._each, verdicts.causes.T, strict=True):
            harmed.count(verdicts.fact, verdicts.harmed & causes)

    def failed_more(self, fault: int, column: int) -> bool:
        """Whether more of the requests that a fault harmed failed than came too late; `column` as in `broken`."""
        harmed = self._each[fault]
        return bool(harmed.failed[:, column].sum() >= harmed.slow[:, column].sum())

    def broken(self) -> list[Mask]:
        """For each fault, where it broke the promise: masks in the shape of `Promise.broken`."""
        promise, total = self._promise, self._all.bad
        broken = promise.broken() & ~promise.broken(total)
        each = [harmed.bad for harmed in self._each]
        moved = [broken & (~promise.broken(bad) | promise.broken(total - bad)) for bad in each]
        rest = broken & ~np.any(moved, axis=0) if moved else broken
        return [mask | (rest & (promise.over_window(bad) > 0)) for mask, bad in zip(moved, each, strict=True)]
