"""Which fault broke the promise to users, and when: the one whose harm goes beyond what the others explain."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from meshquake.sim.telemetry.tables import Floats
from meshquake.truth.objective import Mask, Promise
from meshquake.truth.verdict import Verdicts

#: How many standard deviations of chance a fault's own harm must exceed.
_BEYOND_CHANCE = 3.0


class Blame:
    """Counts the requests that faults harmed, and attributes broken promises to faults.

    A fault's own harm in a window is of two kinds. The first is requests to which it alone made the difference, less as
    many as would have gone wrong without it: where other faults make users fail at random, any change makes some users
    fail who did not before, and spares about as many others. If a fault kept `k` requests from harm, slightly more than
    `k` are deducted as chance: the difference of two Poisson counts of mean k has a standard deviation of sqrt(2k). The
    second kind is over-determined harm that it would have done alone as well (`verdict.judge`).

    A fault broke the promise in a window if its own harm there is at least enough to break a promise at all, and if the
    promise would have been kept without that harm, or would have been broken by it alone. If no fault qualifies (it
    took several, each with too little to matter), every fault that harmed anyone did.

    Parameters
    ----------
    promise
        How the promise was kept in the run as it was.
    faults
        Number of faults.
    """

    def __init__(self, promise: Promise, faults: int) -> None:
        self._promise = promise
        #: Harmed requests: by any fault, and by each.
        self._all, *self._each = (promise.anew() for _ in range(1 + faults))
        #: Of these, those to which each fault alone made the difference; and those that each kept from harm.
        self._alone, self._kept = ([promise.anew() for _ in range(faults)] for _ in range(2))

    def take(self, verdicts: Verdicts) -> None:
        """Take verdicts on some requests into account."""
        self._all.count(verdicts.fact, verdicts.harmed)
        for harmed, causes in zip(self._each, verdicts.causes.T, strict=True):
            harmed.count(verdicts.fact, verdicts.harmed & causes)
        for alone, decisive in zip(self._alone, verdicts.decisive.T, strict=True):
            alone.count(verdicts.fact, verdicts.harmed & decisive)
        for kept, which in zip(self._kept, verdicts.kept.T, strict=True):
            kept.count(verdicts.fact, which)

    def failed_more(self, fault: int, column: int) -> bool:
        """Whether more of the requests that a fault harmed failed than came too late; `column` as in `broken`."""
        harmed = self._each[fault]
        return bool(harmed.failed.sum()[column] >= harmed.slow.sum()[column])

    @cached_property
    def broken(self) -> list[Mask]:
        """For each fault, where it broke the promise: masks in the shape of `Promise.broken`. Read at the end."""
        return self.so_far()

    def so_far(self) -> list[Mask]:
        """The same from the verdicts so far; final for windows that end before the horizon of complete verdicts."""
        pieces = [self._broken(piece) for piece in self._promise.pieces()]
        return [np.concatenate(masks) for masks in zip(*pieces, strict=True)]

    def _broken(self, seconds: slice) -> list[Mask]:
        """The same for some seconds."""
        promise, least = self._promise, self._promise.objective.minimum
        bad, harmed = (each.bad(seconds) for each in (promise, self._all))
        broken = promise.breaks(bad, seconds) & ~promise.breaks(bad - harmed, seconds)
        masks = []
        for fault in range(len(self._each)):
            own = self._own(fault, seconds)
            needed, enough = ~promise.breaks(bad - own, seconds), promise.breaks(bad - harmed + own, seconds)
            masks.append(broken & (own >= least) & (needed | enough))
        rest = broken & ~np.any(masks, axis=0) if masks else broken
        return [mask | (rest & (each.bad(seconds) > 0)) for mask, each in zip(masks, self._each, strict=True)]

    def _own(self, fault: int, seconds: slice) -> Floats:
        """A fault's own harm in the window that ends with each of some seconds."""
        harmed, alone = (each[fault].bad(seconds) for each in (self._each, self._alone))
        kept = self._kept[fault].requests(seconds)
        own = harmed - alone + np.maximum(0.0, alone - kept - _BEYOND_CHANCE * np.sqrt(2 * kept))
        return own.astype(np.float64)
