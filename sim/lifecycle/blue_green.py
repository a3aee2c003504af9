"""Blue/green: start a complete second set of replicas, and switch all traffic to it at once when all of it is ready.

The old set is kept for a while, so that traffic can be switched back at once, as with Argo Rollouts
(`scaleDownDelaySeconds`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.fleet import TICK, launch, shrink
from meshquake.sim.lifecycle.strategy import Strategy
from meshquake.sim.lifecycle.watch import SUPERSEDED
from meshquake.topology.portion import Portion
from meshquake.topology.units import counted


class BlueGreen(Strategy):
    """Keeps two complete sets of replicas, one of which gets the traffic."""

    counts = True

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        deployment, last = self.deployment, 0
        self.revision.held = True
        while True:
            self._fill()
            ready = sum(replica.ready for replica in self.new)
            if ready >= deployment.desired:
                break
            problem = self.watch.stalls(self.troubled, ready > last)
            if problem:
                return problem
            last = ready
            yield self.cluster.timeout(TICK)
            if self.superseded:
                return SUPERSEDED
        self._switch()
        until = self.cluster.now + deployment.rollout.keep
        while self.cluster.now < until:
            yield self.cluster.timeout(TICK)
            problem = SUPERSEDED if self.superseded else self.watch.stalls(self.troubled, not self.troubled)
            if problem:
                return problem
        self._delete_old()
        return ""

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        self.turn(before)
        if sum(replica.ready for replica in self.new) < self.deployment.desired:
            return (yield from self.forward(None))
        self._switch()
        self._delete_old()
        return ""

    def _fill(self) -> None:
        """Start the replicas that the new set lacks, or delete its surplus."""
        deployment = self.deployment
        missing = deployment.desired - len(self.new) - deployment.pending.count(self.revision)
        for _ in range(missing):
            launch(self.cluster, deployment, self.revision, self.reason)
        shrink(self.cluster, deployment, -missing, lambda each: each is self.revision)

    def _switch(self) -> None:
        """Switch the traffic to the new set."""
        deployment = self.deployment
        for replica in deployment.replicas:
            replica.revision.held = replica.revision is not self.revision
        deployment.service.refresh()
        version, count = self.revision.version, len(self.new)
        self.cluster.journal.note(
            "traffic_switched", deployment, version=version, replicas=count, with_replicas=counted(count, "replica")
        )

    def _delete_old(self) -> None:
        shrink(self.cluster, self.deployment, len(self.deployment.replicas), lambda each: each is not self.revision)
