"""A mesh as it is while all that goes up and down by itself is up: for estimates that shall be on the safe side."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from meshquake.topology.environment.environment import Environment
from meshquake.topology.environment.fluctuation import high
from meshquake.topology.environment.load import AmbientLoad
from meshquake.topology.environment.slow_mode import WORST, SlowMode
from meshquake.topology.spec import Service, Topology

#: How far up: each of the amounts is further up in one moment of fifteen.
DEVIATIONS: Final = 1.5


def busy(topology: Topology, deviations: float = DEVIATIONS) -> Topology:
    """The same mesh while there are many users, services have much else to do, and calls stall often and for long.

    All of it is so many standard deviations of its logarithm above the middle, at the same time, each service has its
    heaviest job in hand, and so it stays. A mesh that does nothing by itself is as it is.
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
    """What else a service does while that is much."""
    usual = living.load_of(service.name)
    cores, workers = usual.taken_at(deviations)
    job = max((job.cores for job in living.jobs_of(service.name, service.kind)), default=0.0)
    return replace(usual, cores=1.0 - (1.0 - cores) * (1.0 - job), workers=workers, cv=0.0)


def _stalls(usual: SlowMode, kind: str, deviations: float) -> SlowMode:
    """How calls of a service stall while they do that often and for long."""
    level = 1.0 if usual.varies is None else min(WORST, high([usual.varies], deviations))
    return replace(usual, share=usual.share * level, at=usual.stall(kind).median * level, varies=None)
