"""A running topology: a cluster, its users, and the surface on which faults act."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Generator
from typing import Any

import simpy

from meshquake.faults.change import Change
from meshquake.faults.fault import Fault, Target
from meshquake.faults.release import Release
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.call_site import CallSite, grow
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.service import Service
from meshquake.sim.engine.upheaval import disturb, sever
from meshquake.sim.environment.beginning import begin
from meshquake.sim.environment.lapses import Wear
from meshquake.sim.lifecycle.autoscaler import look_after
from meshquake.sim.lifecycle.configuration import Configuration, Configured
from meshquake.sim.lifecycle.fleet import scale
from meshquake.sim.lifecycle.in_place import restart
from meshquake.sim.lifecycle.liveness import watch
from meshquake.sim.lifecycle.process import boot, crash, run_out_of_memory
from meshquake.sim.lifecycle.readiness import probing, rotate
from meshquake.sim.lifecycle.rollout import release_on, roll_back, roll_back_on, rollout
from meshquake.sim.policies.compose import ingress
from meshquake.sim.policies.versions import route
from meshquake.sim.users.crowds import Crowds
from meshquake.sim.users.open import OpenUsers
from meshquake.topology.addresses import address, uniform
from meshquake.topology.spec import Topology

#: Step of a memory leak (seconds), independent of the sampling interval, so that sampling more often changes nothing.
_LEAK_STEP = 0.5
#: Replicas leak up to this share faster or slower: real ones serve different requests, and don't die all at once.
_LEAK_SPREAD = 0.1
#: Requests per page of draws, at least and at most, and in the pages of all sites together (64 bytes each).
_PAGE_LEAST, _PAGE_MOST, _PAGES = 32, 1024, 2**20


class Mesh(Cluster):
    """The running mesh.

    Parameters
    ----------
    topology
        What to build.
    seed
        Seed of every draw.
    end
        Simulated time (seconds) at which users stop coming.
    clock
        When the run begins, in seconds since midnight on Monday: some users depend on it.

    It is also the `faults.fault.Surface`: faults know only its methods from `now` to `announce`.
    """

    def __init__(self, topology: Topology, seed: int, end: float, clock: float = 0.0) -> None:
        super().__init__(topology, seed)
        self.end = end
        self._configuration = Configuration(self)
        #: The active faults and their processes, by id, in the order in which they began.
        self.under_way: dict[str, tuple[Fault, simpy.Process]] = {}
        #: What each fault has released, by fault id, and when its rollout was over.
        self._released: dict[str, Revision] = {}
        self.rolled_out: dict[str, float] = {}
        #: What each fault has pushed and not taken back, by fault id.
        self._pushed: defaultdict[str, list[list[tuple[Modifier, Target]]]] = defaultdict(list)
        self.sites: list[CallSite] = []
        self.roots: list[CallSite] = []
        branches: list[CallSite] = []
        for number, entry in enumerate(topology.workload.mix):
            root = grow(seed, entry, number, self.services, self.sites, branches)
            self.roots.append(root)
            way_in = ingress(topology.workload.balance, root.service)
            for version in root.versions:
                version.ingress = way_in
        roots = {root.name: root for root in self.roots}
        self._crowds = Crowds(
            self.env, self.engine, self.journal, seed, topology.workload, roots, end, clock, topology.environment
        )
        #: For each entry, the users who come whatever happens to others.
        self.users: list[OpenUsers] = [self._crowds.open[root.name] for root in self.roots]
        pages = [self._page(self._crowds.in_order(root.name) * end) for root in self.roots]
        wear = Wear(seed, topology.environment, topology.services)
        for site in self.sites:
            calendar = self._crowds.calendars[self.roots[site.entry].name]
            lapses = wear.of(site.service.spec.name, site.parent is None, calendar)
            site.lapses = None if lapses is None else lapses.fall_on
        for site in (*self.sites, *branches):
            site.unroll(pages[site.entry])
        for replica in self.replicas:
            self.env.process(probing(self, replica))
            watch(self, replica)
        for deployment in (each for service in self.services.values() for each in service.deployments):
            look_after(self, deployment)
        begin(self)

    def _page(self, requests: float) -> int:
        """How many requests a page of draws covers, at the sites of an entry that gets `requests` of them in the run.

        A long page is cheaper per draw, as long as its draws are used and the pages of all sites fit into memory.
        """
        # Chance may send more than expected: one page should be enough for a short run.
        most = requests + 3 * math.sqrt(requests)
        return round(max(_PAGE_LEAST, min(most, _PAGE_MOST, _PAGES / len(self.sites))))

    def reroute(self, service: Service) -> None:
        """Update callers, users included, after a change in which replicas share the requests to a service."""
        super().reroute(service)
        for root in self.roots:
            if root.service is service:
                root.ingress.route = route(service)

    # -- the fault surface ------------------------------------------------------------------------------------------

    def push(self, fault: Fault, level: Callable[[float], float] | None) -> list[tuple[Modifier, Target]]:
        """Let the fault's effect act on its targets from now on."""
        pushed = [(self.modifier(fault, target, level), target) for target in fault.all_targets]
        self._pushed[fault.id].append(pushed)
        for modifier, target in pushed:
            if target.level == "edge":
                edge = self._edge(target)
                edge.modifiers = (*edge.modifiers, modifier)
                disturb(edge, self.now)
            else:
                self.acting.append((modifier, target))
                for replica in self._replicas(target):
                    self.attach(modifier, replica)
        return pushed

    def pop(self, pushed: list[tuple[Modifier, Target]]) -> None:
        """Take an effect back, and resume what hung because of it."""
        for standing in self._pushed.values():
            standing[:] = [other for other in standing if other is not pushed]
        for modifier, target in pushed:
            if target.level == "edge":
                edge = self._edge(target)
                edge.modifiers = tuple(other for other in edge.modifiers if other is not modifier)
                disturb(edge, self.now)
            else:
                self.acting.remove((modifier, target))
                self.detach(modifier, self._replicas(target))

    def clear(self, fault: Fault) -> None:
        """Take back all remaining effects of a fault."""
        for pushed in list(self._pushed[fault.id]):
            self.pop(pushed)

    def stop(self, target: Target) -> None:
        """Kill the target's replicas, and keep them down until every `stop` is matched by a `start`."""
        self.stopped.append(target)
        for replica in self._replicas(target):
            replica.stops += 1
            if replica.runs:
                crash(self, replica, "killed")

    def start(self, target: Target) -> None:
        """Start the target's replicas again."""
        self.stopped.remove(target)
        for replica in self._replicas(target):
            replica.stops -= 1
            # A draining replica is in the hands of a rollout, which starts it itself.
            if not replica.stops and not replica.up and not replica.draining:
                self.env.process(boot(self, replica, replica.version, "started again"))

    def sever(self, fault: Fault, share: float, number: int) -> None:
        """Reset a share of the connections on the target's edge; `number` decides the draw of which ones."""
        for target in fault.all_targets:
            sever(self.engine, self._edge(target), share, address(self.seed, "reset", fault.id, number) % 2**64)

    def restart(self, target: Target, gracefully: bool = True) -> Generator[Any, Any, None]:
        """Restart the target's replicas one after another, each once the one before is ready."""
        yield from restart(self, self._replicas(target), gracefully)

    def surge(
        self,
        fault: Fault,
        extra: float,
        level: Callable[[float], float] | None,
        end: float,
        population: str | None = None,
    ) -> None:
        """Add `extra` times the normal number of users."""
        for target in fault.all_targets:
            entry = None if target.level == "users" else str(target)
            self._crowds.surge(fault.id, entry, extra, level, end, population)

    def leak(self, fault: Fault, rate: float, level: Callable[[float], float], end: float) -> Generator[Any, Any, None]:
        """Leak memory until `end`; a replica that reaches its limit is killed and starts again."""
        key = address(self.seed, "leak", fault.id)
        while self.now < end:
            strength = level(self.now)
            struck = (replica for target in fault.all_targets for replica in self._replicas(target))
            for replica in dict.fromkeys(struck):
                if not replica.up:
                    continue
                own = rate * (1 + _LEAK_SPREAD * (2 * uniform(key, replica.index) - 1))
                replica.leaked += own * strength * _LEAK_STEP
                if replica.memory() >= replica.service.spec.memory.limit:
                    run_out_of_memory(self, replica)
            yield self.timeout(_LEAK_STEP)

    def deploy(self, fault: Fault, release: Release, deployment: str | None = None) -> Generator[Any, Any, bool]:
        """Release a version on a deployment of the fault's service, or on one replica of it."""
        stays = False
        if fault.target.level == "service":
            released = self.services[fault.target.service].deployment(deployment)
            self._released[fault.id], stays = yield from rollout(self, released, fault, release)
        for replica in self._replicas(fault.target) if fault.target.level != "service" else ():
            self._released[fault.id], stays = yield from release_on(self, replica, fault, release)
            break
        self.rolled_out[fault.id] = self.now
        return stays

    def withdrawn(self, fault: Fault) -> Any:
        """An event that occurs when a fault's release is taken back after its rollout was over."""
        return self._released[fault.id].withdrawn

    def roll_back(self, target: Target, deployment: str | None, by: str) -> Generator[Any, Any, None]:
        """Take back the newest release on the target, or on a version of it."""
        if target.level == "service":
            yield from roll_back(self, self.services[target.service].deployment(deployment), by)
        for replica in self._replicas(target) if target.level == "replica" else ():
            yield from roll_back_on(self, replica, by)

    def scale(self, target: Target, replicas: int, deployment: str | None = None) -> None:
        """Set the number of replicas of the target, or of a version of it."""
        scaled = self.services[target.service].deployment(deployment)
        name = "scaled_up" if replicas > scaled.desired else "scaled_down"
        before, scaled.desired = scaled.desired, replicas
        self.journal.note(name, scaled, previous=before, replicas=replicas, reason="by hand")
        if not scaled.managed:
            scale(self, scaled, name.replace("_", " "))

    def configure(self, target: Target, change: Change, deployment: str | None = None) -> None:
        """Change settings of the target, or of a version of it, from now on."""
        self._configuration.make(self._configured(target, deployment), change)

    def restore(self, target: Target, change: Change, deployment: str | None = None) -> None:
        """Undo a change of the target's settings."""
        self._configuration.take_back(self._configured(target, deployment), change)

    def take_out(self, target: Target) -> None:
        """Take the target's replicas out of rotation."""
        for replica in self._replicas(target):
            replica.taken_out += 1
            rotate(self, replica)

    def put_back(self, target: Target) -> None:
        """Put the target's replicas back into rotation."""
        for replica in self._replicas(target):
            replica.taken_out -= 1
            rotate(self, replica)

    def mend(self, target: Target, fault: str | None) -> None:
        """End the faults at the target that can be mended; only one of them if `fault` names it."""
        for each, process in list(self.under_way.values()):
            if fault in (None, each.id) and each.mendable and each.lasts and _acts_at(each, target):
                process.interrupt()

    def announce(self, name: str, service: str, **values: Any) -> None:
        """Note a harmless event."""
        self.journal.note(name, self.services[service], **values)

    # -- finding ------------------------------------------------------------------------------------------------------

    def _replicas(self, target: Target) -> list[Replica]:
        """The current replicas of a target, as a new list."""
        return [each for each in self.services[target.service].replicas if target.covers(target.service, each.index)]

    def _configured(self, target: Target, deployment: str | None) -> Configured:
        if target.level == "edge":
            return self._edge(target)
        service = self.services[target.service]
        return service if deployment is None else service.deployment(deployment)

    def _edge(self, target: Target) -> RuntimeEdge:
        assert target.callee is not None
        return self.services[target.service].edges[target.callee]


def _acts_at(fault: Fault, target: Target) -> bool:
    """Whether a fault acts on a target, or on a part of it if the target is a whole service."""
    whole = target.level == "service"
    return any(
        each == target or (whole and each.level != "edge" and each.service == target.service)
        for each in fault.all_targets
    )
