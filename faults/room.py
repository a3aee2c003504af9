"""Where and when harmless events may happen: on services without a fault, with capacity to spare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from meshquake.faults import draws
from meshquake.faults.fault import Extent, Fault, Target
from meshquake.faults.scenario import Scenario
from meshquake.topology.busy import busy
from meshquake.topology.estimates import offered_load
from meshquake.topology.spec import Service, Topology

#: Harmless events begin within this time around the onset (seconds) or, if nothing goes wrong, at any time.
BEFORE, AFTER = 30.0, 10.0
#: The highest utilization of a service's cores and workers: beyond it queues grow.
BUSY = 0.6
#: The number of users during a bump, as a multiple of the usual one: lowest and highest.
BUMP = (1.2, 1.5)

T = TypeVar("T")
#: An event and its length (seconds); None if there is no room for it.
Placed = tuple[Fault, float] | None


class Room:
    """The room that a mesh has left for harmless events, which the scenario's seed chooses and places.

    Parameters
    ----------
    scenario
        What else happens.
    topology
        The mesh. What nobody calls in it changes no draw.

    Attributes
    ----------
    topology
        The mesh at the scenario's rate, with everything that fluctuates at a high.
    services
        Those that are called.
    """

    def __init__(self, scenario: Scenario, topology: Topology) -> None:
        self.topology = busy(topology.at_rate(scenario.rate))
        self._scenario = scenario
        self._seed = scenario.seed
        self._taken: set[str | None] = set()
        self._crowded = False
        for fault in (*scenario.faults, *scenario.background):
            self.take(fault.target)
        #: The utilization of the scarcer of cores and workers, by service that is called.
        self._loads = {name: load.offered for name, load in offered_load(self.topology).items() if load.rate}
        self.services = [service for service in self.topology.services if service.name in self._loads]
        onset = min((scenario.window(fault).start for fault in scenario.faults), default=None)
        self._first = 0.0 if onset is None else max(0.0, onset - BEFORE)
        self._last = scenario.length if onset is None else onset + AFTER

    def take(self, target: Target) -> None:
        """Reserve the services of a target: nothing else may happen to them."""
        self._taken |= {target.service, target.callee}

    def place(self, what: str, found: Placed) -> Fault | None:
        """Return an event placed at a time drawn for it; None if there is no event, or no time for it."""
        if found is None:
            return None
        fault, length = found
        last = min(self._last, self._scenario.length - length)
        if last < self._first:
            return None
        self.take(fault.target)
        self._crowded = self._crowded or fault.target.level == "users"
        start = self.between(self._first, last, what, "at")
        return replace(fault, at=Extent(seconds=round(start - self._scenario.lead_in, 3)))

    # -- capacity ------------------------------------------------------------------------------------------------------

    def spare(self, service: Service) -> float:
        """Return how many times its usual load a service has room for, even during a bump."""
        return BUSY / (self._loads[service.name] * BUMP[1])

    def bears(self, service: Service, times: float) -> bool:
        """Whether a service has room for `times` its usual load, even during a bump."""
        return self._loads[service.name] * times * BUMP[1] <= BUSY

    def bear(self, times: float) -> bool:
        """Whether all services have room for `times` their usual load; False if more users come already."""
        return not self._crowded and all(self._loads[service.name] * times <= BUSY for service in self.services)

    def replaceable(self, service: Service) -> bool:
        """Whether the other replicas can do without one."""
        return service.replicas > 1 and self.bears(service, service.replicas / (service.replicas - 1))

    # -- draws ---------------------------------------------------------------------------------------------------------

    def service(self, what: str, fits: Callable[[Service], bool]) -> Service | None:
        """Return one of the services that fit and to which nothing happens yet; None if there is none."""
        names = [service.name for service in self.services if service.name not in self._taken and fits(service)]
        chosen = self.choose(names, what, "service") if names else None
        return next((service for service in self.services if service.name == chosen), None)

    def between(self, low: float, high: float, *place: object) -> float:
        """Return a number drawn by the seed, to three decimals."""
        return round(low + draws.draw(self._seed, "confounders", *place) * (high - low), 3)

    def choose(self, options: Iterable[T], *place: object) -> T:
        """Return an option chosen by the seed."""
        return draws.choose(options, self._seed, "confounders", *place)


def restart_time(service: Service) -> float:
    """Return roughly how long a rollout takes per replica: a second or two to drain, its start, and two good probes."""
    return 2.0 + service.startup + 2 * service.readiness.period
