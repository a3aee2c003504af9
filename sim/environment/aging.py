"""Processes grow while they run, and are recycled at their mark (`topology.environment.memory`)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from meshquake.faults.fault import Target
from meshquake.faults.kinds.restart import Restart
from meshquake.sim.environment.growth import Growth, growth_key
from meshquake.sim.environment.newcomers import Newcomers
from meshquake.sim.journal import Happening
from meshquake.sim.lifecycle.in_place import replace
from meshquake.sim.lifecycle.process import run_out_of_memory
from meshquake.topology.addresses import uniform
from meshquake.topology.environment.memory import OOM, Aging

if TYPE_CHECKING:
    from meshquake.sim.cluster import Cluster
    from meshquake.sim.engine.replica import Replica

#: How often memory grows (seconds): a step of its own, so that sampling metrics more often changes nothing.
_STEP: Final = 2.0


class _Grown:
    """How far the process of one replica has grown, and how it goes on."""

    def __init__(self, replica: Replica, aging: Aging, growth: Growth) -> None:
        self.replica = replica
        self.aging = aging
        self.growth = growth
        #: The incarnation that grows, and by how many bytes it has grown.
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
        self._all: list[_Grown] = []
        self._recycled = 0
        self._tick(None)

    def _tick(self, _: None) -> None:
        cluster = self._cluster
        came = self._newcomers.take()
        if came:
            self._all = [grown for grown in self._all if grown.replica in grown.replica.service.replicas]
        for replica in came:
            spec, aging = replica.service.spec, self._aging[replica.service]
            grown = _Grown(replica, aging, Growth.of(spec, replica.index, aging, cluster.seed))
            self._all.append(grown)
            if not cluster.now:
                # The processes of the start have grown for as long as they have run.
                grown.add(min(grown.growth.rate * (-replica.born - spec.startup), grown.growth.usual))
                replica.littered = uniform(growth_key(cluster.seed, spec.name, replica.index), 2) * replica.mark
        for grown in self._all:
            if grown.replica.up:
                self._grow(grown)
        cluster.env.call_at(cluster.now + _STEP, self._tick)

    def _grow(self, grown: _Grown) -> None:
        replica, growth = grown.replica, grown.growth
        if replica.incarnation != grown.incarnation:
            grown.incarnation, grown.grown, grown.ending = replica.incarnation, 0.0, False
        grown.add(min(growth.rate * _STEP, growth.most - grown.grown))
        if grown.grown < growth.most or grown.ending or not growth.rate:
            return
        if grown.aging.ends == OOM:
            if replica.memory() >= replica.service.spec.memory.limit:
                run_out_of_memory(self._cluster, replica)
        elif self._can_be_spared(replica):
            grown.ending = True
            self._recycled += 1
            called = f"recycle-{self._recycled}"
            self._cluster.env.process(self._cluster.journal.signed(called, self._recycle(replica, called)))

    def _can_be_spared(self, replica: Replica) -> bool:
        """Whether the service can do without it: all its replicas get calls, and no other one is being recycled."""
        service = replica.service
        ending = any(grown.ending and grown.replica.service is service for grown in self._all)
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
