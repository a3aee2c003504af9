"""What an operator's actions did to the harm: the run as it was beside the same one without the actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.simulation import Simulation
from meshquake.topology.spec import Objective
from meshquake.truth.objective import Mask, is_bad
from meshquake.truth.watch import Requests, Watch


class Relief:
    """Compares the requests of a run with those of the run in which nobody acts, and of the twin.

    Parameters
    ----------
    left
        Follows the run with the faults and without the actions.
    objective
        What users are promised.

    Attributes
    ----------
    left
        That run.
    harmed
        Requests that are harmed if nobody acts: bad there and good in the twin.
    saved, lost
        Requests that the actions keep from harm, and that they harm: bad without the actions only, and with them only.
    """

    def __init__(self, left: Watch, objective: Objective) -> None:
        self.left = left
        self.harmed = self.saved = self.lost = 0
        self._objective = objective

    def take(self, fact: Requests, left: Requests, twin: Requests) -> None:
        """Take requests that are over in all three runs into account."""
        bad, bad_left, bad_twin = (is_bad(each, self._objective) for each in (fact, left, twin))
        self.harmed += _count(bad_left & ~_there(twin, bad_twin, left))
        self.saved += _count(bad_left & _there(fact, ~bad, left))
        self.lost += _count(bad & _there(left, ~bad_left, fact))


def _there(run: Requests, mask: Mask, of: Requests) -> Mask:
    """Of the requests `of` a run, which are made in another one too and are of those that a mask chooses there."""
    place = run.find(of.words)
    found: Mask = (place >= 0) & mask[place] if len(run) else np.zeros(len(of), dtype=bool)
    return found


def _count(mask: NDArray[np.bool_]) -> int:
    return int(mask.sum())


@dataclass(frozen=True)
class Harm:
    """What a run does to users, compared with the same run without faults and actions.

    Attributes
    ----------
    requests
        Requests that it makes.
    harmed
        Those of them that are bad, and good or not made at all in the other run.
    unmade
        Requests that are good in the other run and aren't made: users who were put off don't come for what they'd have
        asked next. Who only counted the bad answers would praise whoever drives all users away.
    """

    requests: int
    harmed: int
    unmade: int

    @property
    def total(self) -> int:
        """Requests that went well without the fault and the actions, and don't, plus the bad ones made besides."""
        return self.harmed + self.unmade


def harm_of(runs: Sequence[Simulation], twin: Simulation) -> list[Harm]:
    """What each of some runs does to users, compared with the same run without faults and actions.

    Parameters
    ----------
    runs
        Of one scenario with different actions, not played yet.
    twin
        That without any, and without faults.
    """
    usual, *watches = (Watch(run, sampled=False) for run in (twin, *runs))
    workload, counts = twin.topology.workload, np.zeros((len(runs), 3), dtype=np.int64)

    def compare() -> None:
        until = min(watch.horizon for watch in (usual, *watches))
        expected = usual.settled(until)
        good = ~is_bad(expected, workload.objective)
        for number, watch in enumerate(watches):
            requests = watch.settled(until)
            bad = is_bad(requests, workload.objective) & ~_there(expected, ~good, requests)
            unmade = good & (requests.find(expected.words) < 0)
            counts[number] += len(requests), _count(bad), _count(unmade)

    for cut in usual.cuts:
        usual.take(cut)
        for watch in watches:
            watch.follow(twin.mesh.now)
        # Where answers matter, the same request may come earlier in one run and later in another.
        if not workload.answers_matter:
            compare()
    for watch in watches:
        watch.finish()
    compare()
    return [Harm(*each) for each in counts.tolist()]
