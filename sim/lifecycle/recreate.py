"""Kubernetes' Recreate: delete all replicas, and start those of the new version when the last one is gone."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.fleet import TICK, launch, shrink
from meshquake.sim.lifecycle.strategy import Strategy
from meshquake.sim.lifecycle.watch import SUPERSEDED
from meshquake.topology.portion import Portion


class Recreate(Strategy):
    """Never runs two versions at a time; in between there are no replicas."""

    counts = True

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        deployment, last = self.deployment, 0
        self._delete_old()
        while any(replica.revision is not self.revision for replica in deployment.replicas):
            yield self.cluster.timeout(TICK)
            if self.superseded:
                return SUPERSEDED
        while True:
            missing = deployment.desired - len(self.new) - len(deployment.pending)
            for _ in range(missing):
                launch(self.cluster, deployment, self.revision, self.reason)
            shrink(self.cluster, deployment, -missing, lambda each: True)
            ready = sum(replica.ready for replica in self.new)
            if ready >= deployment.desired:
                return ""
            problem = self.watch.stalls(self.troubled, ready > last)
            if problem:
                return problem
            last = ready
            yield self.cluster.timeout(TICK)
            if self.superseded:
                return SUPERSEDED

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        self.turn(before)
        return (yield from self.forward(None))

    def _delete_old(self) -> None:
        shrink(self.cluster, self.deployment, len(self.deployment.replicas), lambda each: each is not self.revision)
