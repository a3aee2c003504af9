"""Where a metric is read: of a service, one of its replicas, or an edge; and whether a run can have samples there."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.loader import LoadedScenario
from meshquake.faults.push import Push
from meshquake.faults.scaling import Scaling
from meshquake.faults.scenario import Scenario
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.spec import Service
from meshquake.topology.units import counted, shown

#: How the ids of drawn confounders begin (`faults.confounders`).
_DRAWN = "confounder-"
#: What metrics are measured of, in the words of the pages.
_WORDS = {Level.ENTRY: "entry services", Level.STORE: "databases and caches", Level.CALLER: "edges"} | {
    level: f"{level.value}s" for level in (Level.SERVICE, Level.REPLICA, Level.EDGE, Level.NODE)
}


@dataclass(frozen=True)
class Place:
    """A service, one of its replicas by number, or the edge from it to another service."""

    service: str
    replica: int | None = None
    target: str | None = None

    @property
    def replica_name(self) -> str | None:
        """The name of the replica in records; None for a service or an edge."""
        return None if self.replica is None else f"{self.service}-{self.replica}"

    def check(self, metrics: tuple[str, ...], loaded: LoadedScenario) -> None:
        """Raise ValueError if a mesh lacks the place, or some metrics are not recorded of it."""
        mesh = loaded.topology.recorded_by(loaded.scenario.telemetry)
        services = {service.name: service for service in mesh.services}
        for name in filter(None, (self.service, self.target)):
            if name not in services:
                raise ValueError(f"there is no service {shown(name)}{suggestion(name, services)}")
        service = services[self.service]
        callees = [edge.callee for edge in mesh.edges if edge.caller == self.service]
        if self.target is not None and self.target not in callees:
            raise ValueError(f"{self.service} does not call {self.target}{suggestion(self.target, callees)}")
        if self.replica is not None and self.replica >= _most_replicas(service, loaded.scenario):
            have = counted(service.most_replicas_of(), "replica")
            raise ValueError(f"there is no replica {self.service}[{self.replica}]: it has {have}, counted from 0")
        table = metric_table.of(mesh.telemetry)
        for name in metrics:
            if name not in table.metrics:
                raise ValueError(f"there is no metric {shown(name)}{suggestion(name, table.metrics)}")
            metric = table.metrics[name]
            levels = [level for level in metric.levels if level in self._levels(service)]
            if not levels:
                words = listed([*dict.fromkeys(_WORDS[level] for level in metric.levels)])
                raise ValueError(f"{name} is a metric of {words}, and {self} is none of these")
            member = [(self.service, self.replica_name, self.target)]
            if all((kept := table.kept(level, metric, member)) is not None and not len(kept) for level in levels):
                raise ValueError(f"{name} is not recorded of {self} (telemetry)")

    def _levels(self, service: Service) -> tuple[Level, ...]:
        """What it is, as far as metrics go."""
        if self.target is not None:
            return (Level.EDGE,)
        if self.replica is not None:
            return (Level.REPLICA,)
        store = (Level.STORE,) if service.kind in ("database", "cache") else ()
        return (Level.SERVICE, Level.ENTRY, *store)

    def __str__(self) -> str:
        number = "" if self.replica is None else f"[{self.replica}]"
        return f"{self.service}{number}" if self.target is None else f"{self.service} -> {self.target}"


def _most_replicas(service: Service, scenario: Scenario) -> float:
    """One more than the largest number that a replica of a service may have, in a run with any seed.

    Every new replica has a new number, so nothing is known where the mesh or the scenario may scale or replace them. A
    drawn confounder deploys a service once at most, and rolls it back at most once.
    """
    own = (cause for cause in scenario.causes if not cause.id.startswith(_DRAWN))
    if service.autoscaled or any(isinstance(cause, Deploy | Push | Scaling) for cause in own):
        return inf
    return service.most_replicas_of() * (1 if scenario.confounders == "none" else 3)
