"""Replacing replicas under their own names, as a StatefulSet does: drain one, end its process, start another."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.fleet import TICK, drain
from meshquake.sim.lifecycle.process import boot, crash, end
from meshquake.sim.lifecycle.readiness import examine
from meshquake.sim.lifecycle.strategy import Strategy
from meshquake.sim.lifecycle.watch import SUPERSEDED, Watch
from meshquake.topology.portion import Portion


def restart(cluster: Cluster, replicas: Sequence[Replica], gracefully: bool = True) -> Generator[Any, Any, None]:
    """Restart replicas one after another, each once the one before it is ready; they keep their versions."""
    before: Replica | None = None
    for replica in replicas:
        while before is not None and not before.ready and not before.leaving:
            yield cluster.timeout(TICK)
        if gracefully:
            yield from replace(cluster, replica, "restart")
        elif not replica.draining and not replica.leaving:  # else it is about to end anyway
            crash(cluster, replica, "killed")
            yield from boot(cluster, replica, replica.version, "restart")
        before = replica


def replace(
    cluster: Cluster,
    replica: Replica,
    reason: str,
    revision: Revision | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Generator[Any, Any, None]:
    """Drain a replica and restart it, with another revision if one is given and still wanted by then."""
    # One at a time: another rollout or a restart may be replacing the replica.
    while replica.draining and not replica.leaving:
        yield cluster.timeout(TICK)
    if replica.leaving or not wanted():
        return  # deleted, or superseded while it waited
    yield from drain(cluster, replica)
    end(cluster, replica)
    if revision is not None:
        cluster.revise(replica, revision)
    yield from boot(cluster, replica, replica.version if revision is None else revision.version, reason)
    replica.draining = False
    # The kubelet probes a new container at once, and puts it in rotation on the first success.
    if not replica.leaving:
        examine(cluster, replica, "" if replica.up else "connection refused")


class InPlace(Strategy):
    """Replaces one replica after another, starting with the first.

    The next one follows when all replaced ones have been ready for two probe periods without a failed probe. While
    probes fail, the rollout waits.
    """

    def __init__(self, cluster: Cluster, deployment: Deployment, revision: Revision, watch: Watch) -> None:
        super().__init__(cluster, deployment, revision, watch)
        self._changed: list[Replica] = []

    def forward(self, canary: Portion | None) -> Generator[Any, Any, str]:
        for replica in self.deployment.staying[: self.size(canary)]:
            if replica in self._changed:
                continue
            yield from replace(self.cluster, replica, self.reason, self.revision, lambda: not self.superseded)
            self._changed.append(replica)
            problem = yield from self._settled()
            if problem:
                return problem
        return ""

    def back(self, before: Revision) -> Generator[Any, Any, str]:
        """Replace the last one first."""
        deployment, changed = self.deployment, self._changed
        # If the previous rollout was still under way, its revision has not reached every replica.
        rest = [each for each in deployment.staying if each not in changed and each.revision is not before]
        for replica in (*reversed(changed), *rest):
            yield from replace(self.cluster, replica, "rollback", before, lambda: deployment.revision is before)
            if deployment.revision is not before:
                return SUPERSEDED
        return ""

    def _settled(self) -> Generator[Any, Any, str]:
        """Wait until the replaced replicas have been healthy for two probe periods."""
        cluster = self.cluster
        steady = 2 * self.deployment.service.spec.readiness.period
        since, progress = cluster.now, True
        while cluster.now - since < steady:
            yield cluster.timeout(TICK)
            if self.superseded:
                return SUPERSEDED
            troubled = any((each.failures or not each.ready) and not each.leaving for each in self._changed)
            if troubled:
                since = cluster.now
            problem, progress = self.watch.stalls(troubled, progress), False
            if problem:
                return problem
        return ""
