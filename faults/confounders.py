"""Harmless things that happen around the onset, drawn by the seed, so that "there was a deploy" is no diagnosis.

They are real: a replica that restarts takes no calls, a job takes CPU. They harm nobody because they come only where
there is room: to services on which no fault acts, and within what the estimates made before the run leave to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import TypeVar

from meshquake.faults import draws
from meshquake.faults.fault import Extent, Fault, Target
from meshquake.faults.kinds.configure import Configure
from meshquake.faults.kinds.deploy import Deploy
from meshquake.faults.kinds.job import Job
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.release import patched
from meshquake.faults.scenario import CONFOUNDERS, Scenario
from meshquake.topology.estimates import offered_load
from meshquake.topology.spec import Service, Topology

#: They begin in this time around the onset (seconds), or if nothing goes wrong, at any time.
BEFORE, AFTER = 30.0, 10.0
#: The share of its cores and of its workers that a service may have in use at most: beyond that queues grow.
BUSY = 0.6
#: Users while a bump lasts, in proportion to the usual ones, at least and at most.
BUMP = (1.2, 1.5)

_JOBS = ("nightly-report", "backup", "index-rebuild", "log-rotation", "cleanup")
_SETTINGS = {"log.sampling": "20%", "feature.recommendations": "on", "tracing.exporter": "batch", "tls.minimum": "1.3"}

T = TypeVar("T")


def chosen(scenario: Scenario, topology: Topology) -> tuple[Fault, ...]:
    """Harmless things to happen besides a scenario's faults.

    Parameters
    ----------
    scenario
        Says how many (`confounders`), and with its faults, where and when. Of those that its seed draws, fewer are the
        first of more.
    topology
        The mesh it plays on. What nobody calls in it changes no draw.

    Returns
    -------
    tuple of Fault
        Each of another kind and on another service; fewer than asked for where there is no room.
    """
    wanted = CONFOUNDERS[scenario.confounders]
    if not wanted:
        return ()
    room = _Room(scenario, topology)
    ids = {fault.id for fault in (*scenario.faults, *scenario.background)}
    names = (name for number in count(1) if (name := f"confounder-{number}") not in ids)
    found: list[Fault] = []
    for what in sorted(_WHAT, key=lambda what: draws.draw(scenario.seed, "confounders", what)):
        fault = room.place(what) if len(found) < wanted else None
        if fault is not None:
            found.append(replace(fault, id=next(names)))
    return tuple(found)


class _Room:
    """Where and when something may happen."""

    def __init__(self, scenario: Scenario, topology: Topology) -> None:
        topology = topology.at_rate(scenario.rate)
        self._scenario = scenario
        self._seed = scenario.seed
        self._taken: set[str | None] = set()
        for fault in (*scenario.faults, *scenario.background):
            self.take(fault.target)
        #: The services that are called, with the busy share of the scarcer of cores and workers.
        self._loads = {name: load.offered for name, load in offered_load(topology).items() if load.rate}
        self._services = [service for service in topology.services if service.name in self._loads]
        onset = min((scenario.window(fault).start for fault in scenario.faults), default=None)
        self._first = 0.0 if onset is None else max(0.0, onset - BEFORE)
        self._last = scenario.length if onset is None else onset + AFTER

    def take(self, target: Target) -> None:
        """Nothing else may happen to the services of a target."""
        self._taken |= {target.service, target.callee}

    def place(self, what: str) -> Fault | None:
        """One of the things that may happen, where and when there is room for it; None if there is none."""
        found = _WHAT[what](self)
        if found is None:
            return None
        fault, length = found
        last = min(self._last, self._scenario.length - length)
        if last < self._first:
            return None
        self.take(fault.target)
        start = self._between(self._first, last, what, "at")
        return replace(fault, at=Extent(seconds=round(start - self._scenario.lead_in, 3)))

    # -- what may happen, and how long it takes: None where nothing has room for it ------------------------------------

    def deploy(self) -> tuple[Deploy, float] | None:
        """A good version rolls out."""
        service = self._service("deploy", lambda service: not service.versions and self._replaceable(service))
        if service is None:
            return None
        deploy = Deploy(target=Target("service", service.name), version=patched(service.version))
        return deploy, service.replicas * _restart_time(service)

    def restart(self) -> tuple[Restart, float] | None:
        """A replica is restarted."""
        service = self._service("restart", self._replaceable)
        if service is None:
            return None
        replica = self._choose(range(service.replicas), "restart", "replica")
        return Restart(target=Target("replica", service.name, replica)), _restart_time(service)

    def job(self) -> tuple[Job, float] | None:
        """A scheduled job takes some CPU."""
        share = self._between(0.1, 0.3, "job", "share")
        service = self._service("job", lambda service: self._bears(service, 1 / (1 - share)))
        if service is None:
            return None
        name, length = self._choose(_JOBS, "job", "name"), self._between(10, 30, "job", "for")
        return Job(target=Target("service", service.name), name=name, share=share, for_=Extent(length)), length

    def bump(self) -> tuple[Surge, float] | None:
        """A few more users come, for some seconds."""
        if not all(self._bears(service, 1.0) for service in self._services):
            return None
        factor, length = self._between(*BUMP, "bump", "factor"), self._between(5, 10, "bump", "for")
        return Surge(target=Target("users"), factor=factor, for_=Extent(length)), length

    def configure(self) -> tuple[Configure, float] | None:
        """A setting is changed."""
        service = self._service("configure", lambda service: True)
        if service is None:
            return None
        setting = self._choose(_SETTINGS, "configure", "setting")
        target = Target("service", service.name)
        return Configure(target=target, setting=setting, value=_SETTINGS[setting]), 1.0

    # -- draws --------------------------------------------------------------------------------------------------------

    def _service(self, what: str, fits: Callable[[Service], bool]) -> Service | None:
        """One of the services to which nothing happens yet and that fit."""
        names = [service.name for service in self._services if service.name not in self._taken and fits(service)]
        chosen = self._choose(names, what, "service") if names else None
        return next((service for service in self._services if service.name == chosen), None)

    def _replaceable(self, service: Service) -> bool:
        """Whether the others can do without one of the replicas."""
        return service.replicas > 1 and self._bears(service, service.replicas / (service.replicas - 1))

    def _bears(self, service: Service, times: float) -> bool:
        """Whether a service has room for so many times its usual load, even while more users come."""
        return self._loads[service.name] * times * BUMP[1] <= BUSY

    def _between(self, low: float, high: float, *place: object) -> float:
        return round(low + draws.draw(self._seed, "confounders", *place) * (high - low), 3)

    def _choose(self, options: Iterable[T], *place: object) -> T:
        return draws.choose(options, self._seed, "confounders", *place)


def _restart_time(service: Service) -> float:
    """About how long a rollout takes for a replica: a second or two to drain it, its start, and two good probes."""
    return 2.0 + service.startup + 2 * service.readiness.period


#: All that may happen, by name.
_WHAT: dict[str, Callable[[_Room], tuple[Fault, float] | None]] = {
    "deploy": _Room.deploy,
    "restart": _Room.restart,
    "job": _Room.job,
    "bump": _Room.bump,
    "configure": _Room.configure,
}
