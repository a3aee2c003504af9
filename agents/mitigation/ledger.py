"""Harm to users, counted as it becomes known: each request compared with its counterpart in the twin."""

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
    """The words of the good and the bad requests in the run without faults and actions."""

    good: Words
    bad: Words

    @classmethod
    def of(cls, twin: Simulation) -> Usual:
        """Play a run without faults and actions, and sort its requests."""
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
    """Counts harm. Its final count is that of `truth.relief.harm_of`.

    Parameters
    ----------
    usual
        The outcomes of requests if nothing is wrong.

    Attributes
    ----------
    requests, harmed
        Requests with outcomes known so far, and those of them that are bad and otherwise would not be.
    """

    def __init__(self, usual: Usual) -> None:
        self._usual = usual
        self._seen: list[Words] = []
        self.requests = self.harmed = 0

    def take(self, known: Known) -> int:
        """Count new outcomes, and return how many of these requests are harmed."""
        harmed = int(np.sum(known.bad & ~np.isin(known.words, self._usual.bad)))
        self._seen.append(known.words)
        self.requests += len(known)
        self.harmed += harmed
        return harmed

    @property
    def unmade(self) -> int:
        """Requests that would have been good but were never made; meaningful at the end of the run."""
        return int(np.sum(~np.isin(self._usual.good, np.concatenate([*self._seen, self._usual.good[:0]]))))
