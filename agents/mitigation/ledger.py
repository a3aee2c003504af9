"""The harm that users come to, as it becomes known: what a run does to each request, beside what its twin does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshquake.agents.mitigation.answers import Known
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.ids import Words
from meshquake.truth.objective import is_bad
from meshquake.truth.watch import Watch


@dataclass(frozen=True, eq=False)
class Usual:
    """The words of the requests of a run without faults and actions that go well, and of the others."""

    good: Words
    bad: Words

    @classmethod
    def of(cls, twin: Simulation) -> Usual:
        """Play a run without faults and actions, and see."""
        watch = Watch(twin, sampled=False)
        good, bad = [], []
        for cut in watch.cuts:
            watch.take(cut)
            requests = watch.settled(watch.horizon)
            wrong = is_bad(requests, twin.topology.workload.objective)
            good.append(requests.words[~wrong])
            bad.append(requests.words[wrong])
        return cls(np.concatenate(good), np.concatenate(bad))


class Ledger:
    """Counts harm; at the end it's that of `truth.relief.harm_of`.

    Parameters
    ----------
    usual
        What becomes of requests if nothing is wrong.

    Attributes
    ----------
    requests, harmed
        Requests known so far, and those of them that are bad and would not have been.
    """

    def __init__(self, usual: Usual) -> None:
        self._usual = usual
        self._seen: list[Words] = []
        self.requests = self.harmed = 0

    def take(self, known: Known) -> int:
        """Count what became known; returns how many of these requests are harmed."""
        harmed = int(np.sum(known.bad & ~np.isin(known.words, self._usual.bad)))
        self._seen.append(known.words)
        self.requests += len(known)
        self.harmed += harmed
        return harmed

    @property
    def unmade(self) -> int:
        """Requests that would have gone well and were not made, once all is over."""
        return int(np.sum(~np.isin(self._usual.good, np.concatenate([*self._seen, self._usual.good[:0]]))))
