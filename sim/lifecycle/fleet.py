"""Adding and removing replicas, as a Kubernetes ReplicaSet does: a replica that is removed finishes its calls first.

A new replica gets the next number of its service, so no name is ever reused.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.liveness import watch
from meshquake.sim.lifecycle.process import boot, end
from meshquake.sim.lifecycle.readiness import probing

#: How long calls in progress may take to finish (seconds), like Kubernetes' terminationGracePeriodSeconds.
GRACE: Final = 30.0
#: How often progress is checked (seconds).
TICK: Final = 0.25


def launch(cluster: Cluster, deployment: Deployment, revision: Revision, reason: str) -> None:
    """Add a replica that runs a revision, as soon as the cluster has room for it.

    It takes calls once it has started and passed a readiness probe.
    """
    if cluster.has_room(deployment.service):
        replica = cluster.add(deployment, revision)
        cluster.env.process(_live(cluster, replica, reason))
        return
    if not deployment.pending:
        cluster.env.process(_wait(cluster, deployment, reason))
    deployment.pending.append(revision)
    cluster.journal.note("unschedulable", deployment, version=revision.version, pending=len(deployment.pending))


def retire(cluster: Cluster, replica: Replica) -> None:
    """Delete a replica: it gets no new calls, and is gone once it has finished those in progress."""
    replica.leaving = True
    cluster.env.process(_leave(cluster, replica))


def shrink(cluster: Cluster, deployment: Deployment, count: int, of: Callable[[Revision], bool]) -> None:
    """Delete `count` replicas of some revisions: first those that wait for room, then those that are not ready.

    Of those that are ready, the newest go first, as with a ReplicaSet.
    """
    for revision in reversed([each for each in deployment.pending if of(each)]):
        if count <= 0:
            return
        deployment.pending.remove(revision)
        count -= 1
    candidates = [replica for replica in deployment.staying if of(replica.revision)]
    for replica in sorted(candidates, key=lambda each: (each.ready, -each.index))[: max(0, count)]:
        retire(cluster, replica)


def drain(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    """Take a replica out of rotation, and wait until its calls are finished or its grace period is over."""
    replica.draining = True
    replica.ready = False
    replica.service.refresh()
    cluster.journal.note("draining", replica.service, replica=replica, requests=replica.calls)
    deadline = cluster.now + GRACE
    # Calls that were on the way still arrive.
    yield cluster.timeout(TICK)
    while replica.calls and cluster.now < deadline:
        yield cluster.timeout(TICK)


def scale(cluster: Cluster, deployment: Deployment, reason: str) -> None:
    """Start or delete replicas until there are as many as desired."""
    missing = deployment.desired - len(deployment.staying) - len(deployment.pending)
    for _ in range(missing):
        launch(cluster, deployment, deployment.revision, reason)
    shrink(cluster, deployment, -missing, lambda each: True)


def _wait(cluster: Cluster, deployment: Deployment, reason: str) -> Generator[Any, Any, None]:
    """Start the replicas that wait for room, oldest first, as room becomes available."""
    while deployment.pending:
        yield cluster.timeout(TICK)
        while deployment.pending and cluster.has_room(deployment.service):
            replica = cluster.add(deployment, deployment.pending.pop(0))
            cluster.env.process(_live(cluster, replica, reason))


def _live(cluster: Cluster, replica: Replica, reason: str) -> Generator[Any, Any, None]:
    watch(cluster, replica)
    yield from boot(cluster, replica, replica.version, reason)
    yield from probing(cluster, replica, at_once=True)


def _leave(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    # A restart may be draining it.
    while replica.draining:
        yield cluster.timeout(TICK)
    yield from drain(cluster, replica)
    end(cluster, replica)
    cluster.remove(replica)
    service = replica.service
    cluster.journal.note("replica_removed", service, replica=replica, replicas=len(service.replicas))
