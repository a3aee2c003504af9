"""The effect of an operator's actions on the harm: the run as it was beside the same run without the actions."""

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
        Requests that the actions save and that they harm: bad only without the actions, and only with them.
    """

    def __init__(self, left: Watch, objective: Objective) -> None:
        self.left = left
        self.harmed = self.saved = self.lost = 0
        self._objective = objective

    def take(self, fact: Requests, left: Requests, twin: Requests) -> None:
        """Take into account requests that are over in all three runs."""
        bad, bad_left, bad_twin = (is_bad(each, self._objective) for each in (fact, left, twin))
        self.harmed += _count(bad_left & ~_there(twin, bad_twin, left))
        self.saved += _count(bad_left & _there(fact, ~bad, left))
        self.lost += _count(bad & _there(left, ~bad_left, fact))


def _there(run: Requests, mask: Mask, of: Requests) -> Mask:
    """Which of the requests `of` one run are made in another run too, and selected there by a mask."""
    place = run.find(of.words)
    found: Mask = (place >= 0) & mask[place] if len(run) else np.zeros(len(of), dtype=bool)
    return found


def _count(mask: NDArray[np.bool_]) -> int:
    return int(mask.sum())


@dataclass(frozen=True)
class Harm:
    """A run's effect on users, compared with the same run without faults and actions.

    Attributes
    ----------
    requests
        Requests that it makes.
    harmed
        Those of them that are bad, and good or not made at all in the other run.
    unmade
        Requests that are good in the other run and are not made: users who are put off do not make their next requests.
        Counting only bad answers would reward driving all users away.
    """

    requests: int
    harmed: int
    unmade: int

    @property
    def total(self) -> int:
        """Requests that go well without the fault and the actions but do not here, plus additional bad requests."""
        return self.harmed + self.unmade


def harm_of(runs: Sequence[Simulation], twin: Simulation) -> list[Harm]:
    """Each run's effect on users, compared with the same run without faults and actions.

    Parameters
    ----------
    runs
        Runs of one scenario with different actions, not played yet.
    twin
        The run without actions and faults.
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
