"""Load that services have besides the played requests, as a level that wanders (`topology.environment.load`).

One process ticks for the whole mesh. At each tick every replica gets a new level, which depends only on the seed, the
service, the replica and the time: whatever goes wrong in a mesh, its ambient load stays the same.

A level is normally distributed, and its exponential gives the odds of the share that it takes (taken to left), so that
shares are logit-normal (Atchison and Shen, "Logistic-normal distributions", 1980): the more is taken, the less is left
to take, and nothing is ever full.

A level takes a share of each core, like a CPU hog: own work that begins takes 1 / (1 - share) times as long, and the
level takes that share of the core time that requests leave over. If own work alone would use the share u of the cores,
requests keep them in use for u / (1 - share), and the level for share * (1 - u / (1 - share)) besides: u + share in
all. A level also holds workers: a whole number of them, the one above or below its share at random, but never one that
a request has, nor the last one left for requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import TYPE_CHECKING, Final

import numpy as np

from meshquake.sim.environment.drift import Drift
from meshquake.sim.environment.newcomers import Newcomers
from meshquake.topology.addresses import address, uniform
from meshquake.topology.distributions import Floats
from meshquake.topology.environment.load import AmbientLoad, middle_of
from meshquake.topology.special_functions import expit

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.replica import Replica

#: Time between ticks (seconds).
STEP: Final = 2.0


class Ambient:
    """Lets the levels of a mesh's replicas rise and fall.

    Parameters
    ----------
    cluster
        The mesh.
    loads
        The ambient load of each service, by name; a service that is not among them has none.
    """

    def __init__(self, cluster: Cluster, loads: Mapping[str, AmbientLoad]) -> None:
        self._cluster = cluster
        self._loads = {cluster.services[name]: load for name, load in loads.items()}
        self._newcomers = Newcomers(self._loads)
        #: Replicas, grouped by when they came.
        self._cohorts: list[_Cohort] = []
        self._place = 0
        self._tick(None)

    def _tick(self, _: None) -> None:
        cluster = self._cluster
        if came := self._newcomers.take():
            self._cohorts = [cohort for cohort in self._cohorts if not cohort.gone]
            self._cohorts.append(_Cohort(cluster.seed, [(each, self._loads[each.service]) for each in came]))
        for cohort in self._cohorts:
            for replica, cores, workers, key in cohort.shares(self._place):
                if replica.up:
                    replica.besides("load", cores, cluster.now)
                    self._occupy(replica, workers, uniform(key, self._place))
        self._place += 1
        cluster.env.call_at(self._place * STEP, self._tick)

    def _occupy(self, replica: Replica, share: float, lot: float) -> None:
        """Hold a share of a replica's workers, rounded up or down by a uniform `lot`: right on average."""
        now = self._cluster.now
        workers = replica.service.spec.workers
        more = min(floor(share * workers + lot), workers - 1) - replica.ambient_workers
        if more > 0:
            replica.lend(min(more, replica.free), now)
        for _ in range(-more):
            replica.take_back(now)
            self._cluster.engine.free_worker(replica)


class _Cohort:
    """Replicas that came at the same time, with the ambient load of their services."""

    def __init__(self, seed: int, replicas: Sequence[tuple[Replica, AmbientLoad]]) -> None:
        loads = [load for _, load in replicas]
        together = [address(seed, "ambient", replica.service.spec.name) for replica, _ in replicas]
        alone = [address(seed, "ambient", replica.service.spec.name, replica.index) for replica, _ in replicas]
        self._drift = Drift(together + alone, [load.over for load in loads] * 2, STEP)
        self._replicas = [
            (replica, address(key, "workers") % 2**64) for (replica, _), key in zip(replicas, alone, strict=True)
        ]
        shared = np.array([load.together for load in loads])
        deviation = np.array([load.sigma for load in loads])
        self._weights = deviation * np.sqrt(shared), deviation * np.sqrt(1.0 - shared)
        self._cores = _Shares([(load.cores, load.sigma) for load in loads])
        self._workers = _Shares([(load.workers, load.sigma) for load in loads])

    @property
    def gone(self) -> bool:
        """Whether all of them are gone."""
        return all(replica not in replica.service.replicas for replica, _ in self._replicas)

    def shares(self, place: int) -> list[tuple[Replica, float, float, int]]:
        """Return what is taken of each at a place on the grid (shares of cores, of workers), and its key for draws."""
        drift = self._drift.at(place)
        together, alone = drift[: len(self._replicas)], drift[len(self._replicas) :]
        level = self._weights[0] * together + self._weights[1] * alone
        return [
            (replica, cores, workers, key)
            for (replica, key), cores, workers in zip(
                self._replicas, self._cores.at(level).tolist(), self._workers.at(level).tolist(), strict=True
            )
        ]


class _Shares:
    """Shares around given means that follow normal levels of mean 0."""

    def __init__(self, shares: Sequence[tuple[float, float]]) -> None:
        self._power = np.array([1.0 / (1.0 - mean) for mean, _ in shares])
        self._middle = np.array([middle_of(mean, sigma) for mean, sigma in shares])

    def at(self, level: Floats) -> Floats:
        """Return the shares at a level of each."""
        taken: Floats = expit(self._middle + self._power * level)
        return taken
