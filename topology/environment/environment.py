"""Everything that a mesh does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any, ClassVar

from meshquake.topology.environment.by_service import ByService
from meshquake.topology.environment.collections import Collections
from meshquake.topology.environment.connections import Churn
from meshquake.topology.environment.deploys import Deploys
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.environment.jobs import Job, KnownJob
from meshquake.topology.environment.load import NOTHING, AmbientLoad
from meshquake.topology.environment.memory import Aging
from meshquake.topology.environment.slow_mode import SlowMode
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Environment:
    """What a mesh does by itself, with or without faults. Each field is a concern; without any, the mesh is calm.

    `by_service` has the types of the concerns that are set per service, by their keys. In a file they are set for all
    services, for a kind or for one; here, for each service that has them (`topology.environment.by_service`).
    """

    by_service: ClassVar[Mapping[str, type[Any]]] = MappingProxyType(
        {
            "errors": BaseErrors,
            "slow_mode": SlowMode,
            "load": AmbientLoad,
            "memory": Aging,
            "collections": Collections,
            "connections": Churn,
        }
    )
    users: tuple[Fluctuation, ...] = key(
        "spec",
        "fluctuations of the number of users, each with one time scale",
        (),
        many=True,
        none=True,
        spec=Fluctuation,
    )
    errors: ByService[BaseErrors] = key("other", "calls that fail on their own", (), none=True)
    slow_mode: ByService[SlowMode] = key("other", "calls that stall occasionally", (), none=True)
    load: ByService[AmbientLoad] = key("other", "what services do besides the recorded requests", (), none=True)
    memory: ByService[Aging] = key("other", "processes that grow while they run, and are recycled", (), none=True)
    collections: ByService[Collections] = key("other", "garbage collections that stop processes", (), none=True)
    connections: ByService[Churn] = key(
        "other", "connections to services that are closed when they are old", (), none=True
    )
    jobs: tuple[Job, ...] = key("spec", "jobs that services run on a schedule", (), many=True, none=True, spec=Job)
    deploys: Deploys | None = key("spec", "good versions that roll out occasionally", None, none=True, spec=Deploys)

    def load_of(self, service: str) -> AmbientLoad:
        """Return the ambient load of a service, by name."""
        return dict(self.load).get(service, NOTHING)

    def taken_from(self, service: str, kind: str) -> AmbientLoad:
        """Return what a service of a kind has to do besides requests on average over time: ambient load and jobs."""
        usual = self.load_of(service)
        left = prod(1.0 - job.cores * job.takes / job.every for job in self.jobs_of(service, kind))
        return replace(usual, cores=usual.cores + (1.0 - usual.cores) * (1.0 - left))

    def jobs_of(self, service: str, kind: str) -> tuple[KnownJob, ...]:
        """Return the jobs of a service of a kind; of two jobs with the same name, the later one."""
        known = {job.name: job for each in self.jobs for job in each.known() if job.runs_on(service, kind)}
        return tuple(known.values())


#: An environment in which nothing happens by itself.
CALM = Environment()
