"""Replicas that come and go, as a Kubernetes ReplicaSet has them: one that goes finishes its calls first.

A new replica gets the next number of its service, so that no name ever stands for two.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.service import Service
from meshquake.sim.lifecycle.liveness import watching
from meshquake.sim.lifecycle.process import boot, end
from meshquake.sim.lifecycle.readiness import probing

#: Seconds that calls in progress have to finish, as Kubernetes' terminationGracePeriodSeconds.
GRACE: Final = 30.0
#: How often progress is looked at (seconds).
TICK: Final = 0.25


def launch(cluster: Cluster, service: Service, revision: Revision, reason: str) -> None:
    """One replica more, of a revision, as soon as the cluster has room for it.

    It takes calls once it has started and answered a readiness probe.
    """
    if cluster.has_room(service):
        replica = cluster.add(service, revision)
        cluster.env.process(_live(cluster, replica, reason))
        return
    if not service.pending:
        cluster.env.process(_wait(cluster, service, reason))
    service.pending.append(revision)
    cluster.journal.note("unschedulable", service, version=revision.version, pending=len(service.pending))


def retire(cluster: Cluster, replica: Replica) -> None:
    """Delete a replica: no new calls for it, and it is gone once it has finished those that it has."""
    replica.leaving = True
    cluster.env.process(_leave(cluster, replica))


def shrink(cluster: Cluster, service: Service, count: int, of: Callable[[Revision], bool]) -> None:
    """Delete so many replicas of some revisions, those first that wait for room, then those that aren't ready.

    Of several that are ready the newest goes, as with a ReplicaSet.
    """
    for revision in reversed([each for each in service.pending if of(each)]):
        if count <= 0:
            return
        service.pending.remove(revision)
        count -= 1
    candidates = [replica for replica in staying(service) if of(replica.revision)]
    for replica in sorted(candidates, key=lambda each: (each.ready, -each.index))[: max(0, count)]:
        retire(cluster, replica)


def drain(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    """Take a replica out of rotation, and wait until its calls are finished or its grace is over."""
    replica.draining = True
    replica.ready = False
    replica.service.refresh()
    cluster.journal.note("draining", replica.service, replica=replica, requests=replica.calls)
    deadline = cluster.now + GRACE
    # Calls that were on the way still arrive.
    yield cluster.timeout(TICK)
    while replica.calls and cluster.now < deadline:
        yield cluster.timeout(TICK)


def scale(cluster: Cluster, service: Service, reason: str) -> None:
    """Start or delete as many replicas as it takes to have those that the service shall have."""
    missing = service.desired - len(staying(service)) - len(service.pending)
    for _ in range(missing):
        launch(cluster, service, service.revision, reason)
    shrink(cluster, service, -missing, lambda each: True)


def staying(service: Service) -> list[Replica]:
    """The replicas of a service that have not been deleted."""
    return [replica for replica in service.replicas if not replica.leaving]


def _wait(cluster: Cluster, service: Service, reason: str) -> Generator[Any, Any, None]:
    """Start the replicas that wait for room, the oldest first, whenever there is some."""
    while service.pending:
        yield cluster.timeout(TICK)
        while service.pending and cluster.has_room(service):
            replica = cluster.add(service, service.pending.pop(0))
            cluster.env.process(_live(cluster, replica, reason))


def _live(cluster: Cluster, replica: Replica, reason: str) -> Generator[Any, Any, None]:
    if (liveness := replica.service.spec.liveness) is not None:
        cluster.env.process(watching(cluster, replica, liveness))
    yield from boot(cluster, replica, replica.version, reason)
    yield from probing(cluster, replica, at_once=True)


def _leave(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    # A restart may have it in hand.
    while replica.draining:
        yield cluster.timeout(TICK)
    yield from drain(cluster, replica)
    end(cluster, replica)
    cluster.remove(replica)
    service = replica.service
    cluster.journal.note("replica_removed", service, replica=replica, replicas=len(service.replicas))
