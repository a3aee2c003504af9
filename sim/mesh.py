"""A topology come to life: services, replicas, channels and call sites, and the surface on which faults act."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Any

from meshquake.faults.fault import Fault, Target
from meshquake.sim.engine.call import Call, CallEngine
from meshquake.sim.engine.call_site import CallSite, grow
from meshquake.sim.engine.caller_state import CallerState, RuntimeEdge
from meshquake.sim.engine.environment import Environment
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.service import Service, boot, crash, probing
from meshquake.sim.journal import Journal
from meshquake.sim.lifecycle.rollout import restart, rollout
from meshquake.sim.workload import Users
from meshquake.topology.addresses import address, uniform
from meshquake.topology.spec import Topology

_STATES = ("circuit_breaker_closed", "circuit_breaker_half_open", "circuit_breaker_open")
_SEVERITIES = ("info", "warning", "error")
#: Step of a memory leak (seconds): its own, so that sampling metrics more often changes nothing.
_LEAK_STEP = 0.5
#: Replicas leak up to this share faster or slower: real ones serve other requests, and don't die in the same instant.
_LEAK_SPREAD = 0.1
#: Requests that a page of draws is for, at least and at most, and those of all sites' pages together (64 bytes each).
_PAGE_LEAST, _PAGE_MOST, _PAGES = 32, 1024, 2**20


class Mesh:
    """The running mesh.

    Parameters
    ----------
    topology
        What to build.
    seed
        Seed of every draw.
    end
        Simulated time (seconds) at which users stop coming.

    It's the `faults.fault.Surface` too: the methods from `now` to `announce` are all that faults know of it.
    """

    def __init__(self, topology: Topology, seed: int, end: float) -> None:
        self.topology = topology
        self.seed = seed
        self.end = end
        self.env = Environment()
        self.life = CallEngine(self.env, self._shortage)
        self.journal = Journal(self.env)
        self.services: dict[str, Service] = {}
        count = 0
        for index, spec in enumerate(topology.services):
            self.services[spec.name] = Service(spec, index, count)
            count += spec.replicas
        self.replicas = [replica for service in self.services.values() for replica in service.replicas]
        self.links: list[RuntimeEdge] = []
        for edge in topology.edges:
            caller, callee = self.services[edge.caller], self.services[edge.callee]
            link = RuntimeEdge(edge, len(caller.links), caller, callee)
            link.deadlines = self.life.deadlines(edge.timeout)
            link.acquire = self.life.deadlines(edge.pool.acquire_timeout, acquire=True) if edge.pool else None
            caller.links[edge.callee] = link
            self.links.append(link)
        #: (replica, version) of every process that ever ran; rows refer to it by position.
        self.incarnations: list[tuple[Replica, str]] = []
        for replica in self.replicas:
            self.incarnate(replica)
            self.connect(replica, warm=True)
        self.sites: list[CallSite] = []
        self.roots: list[CallSite] = []
        self.users: list[Users] = []
        mix = topology.workload.mix
        weights = sum(entry.weight for entry in mix)
        for number, entry in enumerate(mix):
            root = grow(seed, entry, number, self.services, self.sites)
            self.roots.append(root)
            self.users.append(Users(self, number, root, topology.workload.rate * entry.weight / weights))
        for site in self.sites:
            site.unroll(self._page(self.users[site.entry].rate * end))
        for service in self.services.values():
            for replica in service.replicas:
                self.env.process(probing(self, service, replica))

    def _page(self, requests: float) -> int:
        """How many requests a page of draws is for, at a site of an entry that gets so many in the run.

        A long page is cheaper a draw, as long as its draws are used and the pages of all sites fit into memory.
        """
        # Chance may send some more than are expected: a short run shall do with one page.
        most = requests + 3 * math.sqrt(requests)
        return round(max(_PAGE_LEAST, min(most, _PAGE_MOST, _PAGES / len(self.sites))))

    # -- building, and rebuilding after a process ended -------------------------------------------------------------

    def incarnate(self, replica: Replica) -> None:
        """A process of the replica begins: what it does from now on is told apart from what it did before."""
        replica.incarnation = len(self.incarnations)
        self.incarnations.append((replica, replica.version))

    def connect(self, replica: Replica, warm: bool) -> None:
        """Give the replica fresh channels: closed breakers, and pools that are open (warm) or still empty."""
        replica.channels = [
            CallerState(link, replica, warm, self._breaker_moved) for link in replica.service.links.values()
        ]
        for channel in replica.channels:
            if channel.link.modifiers:
                self.life.resize(channel)

    # -- the fault surface ------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The simulated time in seconds."""
        return self.env._now

    def timeout(self, delay: float) -> Any:
        """An event that occurs `delay` seconds from now."""
        return self.env.timeout(max(0.0, delay))

    def modifier(self, fault: Fault, level: Callable[[float], float] | None) -> Modifier:
        """A modifier for a fault's effect, not attached to anything yet."""
        operation = -1
        if fault.target.operation is not None:
            operation = self.services[fault.target.service].operations[fault.target.operation][0]
        return Modifier(fault, address(self.seed, "fault", fault.id) % 2**64, level, operation)

    def push(self, fault: Fault, level: Callable[[float], float] | None) -> tuple[Modifier, Target]:
        """Let the fault's effect act on its target from now on."""
        modifier = self.modifier(fault, level)
        if fault.target.level == "edge":
            link = self._link(fault.target)
            link.modifiers = (*link.modifiers, modifier)
            self._resize(link)
        else:
            for replica in self._replicas(fault.target):
                self.attach(modifier, replica)
        return modifier, fault.target

    def pop(self, modifier: tuple[Modifier, Target]) -> None:
        """Take an effect back, and let go on what hung because of it."""
        what, target = modifier
        if target.level == "edge":
            link = self._link(target)
            link.modifiers = tuple(other for other in link.modifiers if other is not what)
            self._resize(link)
        else:
            self.detach(what, self._replicas(target))

    def attach(self, modifier: Modifier, replica: Replica) -> None:
        """Let a modifier act on a replica."""
        replica.account(self.now)
        replica.modifiers = (*replica.modifiers, modifier)

    def detach(self, modifier: Modifier, replicas: list[Replica]) -> None:
        """End a modifier on the replicas it acts on."""
        for replica in replicas:
            replica.account(self.now)
            replica.modifiers = tuple(other for other in replica.modifiers if other is not modifier)
        self.life.release(modifier)

    def stop(self, target: Target) -> None:
        """Kill the target's replicas, and keep them down until each `stop` has had its `start`."""
        for replica in self._replicas(target):
            replica.stops += 1
            if replica.up:
                crash(self, replica, "killed")

    def start(self, target: Target) -> None:
        """Start the target's replicas again."""
        for replica in self._replicas(target):
            replica.stops -= 1
            # What a rollout has in hand, the rollout starts.
            if not replica.stops and not replica.up and not replica.draining:
                self.env.process(boot(self, replica, replica.version, "started again"))

    def restart(self, target: Target) -> Generator[Any, Any, None]:
        """Restart the target's replicas, one after another, each once its calls are finished."""
        for replica in self._replicas(target):
            yield from restart(self, replica)

    def surge(self, fault: Fault, extra: float, level: Callable[[float], float] | None, end: float) -> None:
        """Let `extra` times the normal number of users come besides."""
        for users in self.users:
            if fault.target.level == "users" or str(fault.target) == users.entry:
                users.surge(fault.id, extra, level, end)

    def leak(self, fault: Fault, rate: float, level: Callable[[float], float], end: float) -> Generator[Any, Any, None]:
        """Leak memory until `end`; a replica that reaches its limit is killed and starts again."""
        key = address(self.seed, "leak", fault.id)
        rates = {
            replica: rate * (1 + _LEAK_SPREAD * (2 * uniform(key, replica.index) - 1))
            for replica in self._replicas(fault.target)
        }
        while self.now < end:
            strength = level(self.now)
            for replica, own in rates.items():
                if not replica.up:
                    continue
                replica.leaked += own * strength * _LEAK_STEP
                limit = replica.service.spec.memory.limit
                if replica.memory() >= limit:
                    mib = f"{limit / 2**20:.0f}"
                    self.journal.event(
                        "oom_kill", replica.service, f"{replica.name} reached its memory limit of {mib} MiB",
                        "critical", replica=replica, limit_bytes=int(limit),
                    )  # fmt: skip
                    self.journal.log("out_of_memory", replica.service, replica=replica, limit_mib=mib)
                    crash(self, replica, "out of memory")
                    self.env.process(boot(self, replica, replica.version, "out of memory"))
            yield self.timeout(_LEAK_STEP)

    def deploy(self, fault: Fault, version: str, patience: float) -> Generator[Any, Any, bool]:
        """Roll out a version on the fault's service."""
        return (yield from rollout(self, self.services[fault.target.service], fault, version, patience))

    def announce(self, kind: str, service: str, message: str, **details: Any) -> None:
        """Record a harmless event."""
        self.journal.event(kind, self.services[service], message, "info", **details)

    # -- what happens to be worth telling ------------------------------------------------------------------------------

    def _breaker_moved(self, channel: CallerState, replica: Replica, state: int, reason: str) -> None:
        callee = channel.link.callee.spec.name
        words = ("closed", "half open", "open")[state]
        self.journal.event(
            _STATES[state], replica.service, f"Circuit breaker of {replica.name} to {callee} is {words}: {reason}",
            _SEVERITIES[state], replica=replica, target=callee, reason=reason,
        )  # fmt: skip
        self.journal.log(
            ("breaker_closed", "breaker_half_open", "breaker_open")[state],
            replica.service, replica=replica, target=callee, reason=reason,
        )  # fmt: skip

    def _shortage(self, call: Call, gave_up: bool) -> None:
        channel = call.channel
        assert channel is not None and channel.pool is not None and call.parent is not None
        replica = call.parent.replica
        assert replica is not None
        pool = channel.pool
        callee = channel.link.callee.spec.name
        if gave_up:
            self.journal.log(
                "pool_exhausted", replica.service, replica=replica, call=call, target=callee,
                in_use=pool.in_use, size=pool.size, waiting=pool.waiting,
            )  # fmt: skip
        elif pool.waiting == 1:
            self.journal.event(
                "pool_exhausted", replica.service,
                f"{replica.name} has no free connection to {callee} ({pool.in_use}/{pool.size} in use)", "warning",
                replica=replica, target=callee, in_use=pool.in_use, size=pool.size,
            )  # fmt: skip

    # -- finding ------------------------------------------------------------------------------------------------------

    def _replicas(self, target: Target) -> list[Replica]:
        replicas = self.services[target.service].replicas
        return replicas if target.replica is None else [replicas[target.replica]]

    def _link(self, target: Target) -> RuntimeEdge:
        assert target.callee is not None
        return self.services[target.service].links[target.callee]

    def _resize(self, link: RuntimeEdge) -> None:
        for replica in link.caller.replicas:
            self.life.resize(replica.channels[link.index])
