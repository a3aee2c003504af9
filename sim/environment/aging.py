"""Processes grow while they run, and are recycled at their mark (`topology.environment.memory`)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from meshquake.faults.fault import Target
from meshquake.faults.kinds.restart import Restart
from meshquake.sim.environment.newcomers import Newcomers
from meshquake.sim.journal import Happening
from meshquake.sim.lifecycle.in_place import replace
from meshquake.sim.lifecycle.process import run_out_of_memory
from meshquake.topology.addresses import address, uniform
from meshquake.topology.environment.memory import OOM, Aging

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.replica import Replica

#: How often memory grows (seconds): a step of its own, so that sampling metrics more often changes nothing.
_STEP: Final = 2.0
#: Replicas grow up to this share faster or slower: real ones serve different requests.
_SPREAD: Final = 0.2


class _Growth:
    """The memory growth of one replica's process: how many bytes so far, how many per second, and how many at most.

    At the start of a recording it is anything up to `usual`.
    """

    def __init__(self, replica: Replica, aging: Aging, key: int) -> None:
        self.replica = replica
        self.aging = aging
        memory, kind = replica.service.spec.memory, replica.service.spec.kind
        own = 1 + _SPREAD * (2 * uniform(key, 0) - 1)
        self.rate = own * aging.growth_of(kind) * memory.limit / 3600.0
        mark = 1.0 if aging.ends == OOM else aging.recycle_at
        self.room = max(0.0, mark - memory.base) * memory.limit
        # Garbage comes and goes, so no process is recycled for it.
        self.usual = max(0.0, self.room - memory.collect_at * memory.limit)
        if aging.ends != OOM:
            self.room = self.usual
        #: The incarnation that grows, and by how much it has grown.
        self.incarnation = replica.incarnation
        self.grown = 0.0
        #: Whether it's about to end.
        self.ending = False

    def add(self, amount: float) -> None:
        self.grown += amount
        self.replica.leaked += amount


class Growing:
    """The memory growth of a mesh's replicas; `aging` says by service name how they grow."""

    def __init__(self, cluster: Cluster, aging: Mapping[str, Aging]) -> None:
        self._cluster = cluster
        self._aging = {cluster.services[name]: each for name, each in aging.items()}
        self._newcomers = Newcomers(self._aging)
        self._all: list[_Growth] = []
        self._recycled = 0
        self._tick(None)

    def _tick(self, _: None) -> None:
        cluster = self._cluster
        came = self._newcomers.take()
        if came:
            self._all = [growth for growth in self._all if growth.replica in growth.replica.service.replicas]
        for replica in came:
            key = address(cluster.seed, "memory", replica.service.spec.name, replica.index) % 2**64
            growth = _Growth(replica, self._aging[replica.service], key)
            self._all.append(growth)
            if not cluster.now:
                # The replicas of the start have been running for some time.
                growth.add(uniform(key, 1) * growth.usual)
                replica.littered = uniform(key, 2) * replica.mark
        for growth in self._all:
            if growth.replica.up:
                self._grow(growth)
        cluster.env.call_at(cluster.now + _STEP, self._tick)

    def _grow(self, growth: _Growth) -> None:
        replica = growth.replica
        if replica.incarnation != growth.incarnation:
            growth.incarnation, growth.grown, growth.ending = replica.incarnation, 0.0, False
        growth.add(min(growth.rate * _STEP, growth.room - growth.grown))
        if growth.grown < growth.room or growth.ending or not growth.rate:
            return
        if growth.aging.ends == OOM:
            if replica.memory() >= replica.service.spec.memory.limit:
                run_out_of_memory(self._cluster, replica)
        elif self._can_be_spared(replica):
            growth.ending = True
            self._recycled += 1
            called = f"recycle-{self._recycled}"
            self._cluster.env.process(self._cluster.journal.signed(called, self._recycle(replica, called)))

    def _can_be_spared(self, replica: Replica) -> bool:
        """Whether the service can do without it: all its replicas get calls, and no other one is being recycled."""
        service = replica.service
        ending = any(growth.ending and growth.replica.service is service for growth in self._all)
        return not ending and len(service.ready) == len(service.replicas) > 1

    def _recycle(self, replica: Replica, called: str) -> Generator[Any, Any, None]:
        """Restart a replica once its calls are finished."""
        cluster, journal = self._cluster, self._cluster.journal
        target = Target("replica", replica.service.spec.name, replica.index)
        happening = Happening(called, Restart.kind, target, cluster.now)
        journal.happened.append(happening)
        share = replica.memory() / replica.service.spec.memory.limit
        journal.note("recycled", replica.service, replica=replica, share=f"{share:.0%}")
        yield from replace(cluster, replica, "recycled")
        happening.end = cluster.now
