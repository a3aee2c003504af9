"""A mesh at a time when everything that fluctuates is high, for conservative estimates."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from meshquake.topology.environment.environment import Environment
from meshquake.topology.environment.fluctuation import high
from meshquake.topology.environment.load import AmbientLoad
from meshquake.topology.environment.slow_mode import WORST, SlowMode
from meshquake.topology.spec import Service, Topology

#: Standard deviations above the median; each amount is higher than that a fifteenth of the time.
DEVIATIONS: Final = 1.5


def busy(topology: Topology, deviations: float = DEVIATIONS) -> Topology:
    """Return the same mesh with many users, high ambient load, and frequent, long stalls.

    All of these are `deviations` standard deviations of their logarithm above the median at the same time, each service
    runs its heaviest job, and none of it changes over time. A mesh without an environment stays as it is.
    """
    living = topology.environment
    loads = ((service.name, _load(living, service, deviations)) for service in topology.services)
    stalls = ((name, _stalls(each, topology.service(name).kind, deviations)) for name, each in living.slow_mode)
    environment = replace(
        living,
        users=(),
        load=tuple((name, each) for name, each in loads if not each.idle),
        slow_mode=tuple(stalls),
        jobs=(),
    )
    return replace(topology, environment=environment).at_rate(topology.workload.rate * high(living.users, deviations))


def _load(living: Environment, service: Service, deviations: float) -> AmbientLoad:
    """Return the ambient load of a service when it is high."""
    usual = living.load_of(service.name)
    cores, workers = usual.taken_at(deviations)
    job = max((job.cores for job in living.jobs_of(service.name, service.kind)), default=0.0)
    return replace(usual, cores=1.0 - (1.0 - cores) * (1.0 - job), workers=workers, cv=0.0)


def _stalls(usual: SlowMode, kind: str, deviations: float) -> SlowMode:
    """Return the stalls of a service when they are frequent and long."""
    level = 1.0 if usual.varies is None else min(WORST, high([usual.varies], deviations))
    return replace(usual, share=usual.share * level, at=usual.stall(kind).median * level, varies=None)
