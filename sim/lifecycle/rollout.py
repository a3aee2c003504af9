"""A rolling update at run time: Kubernetes' Deployment with one replica unavailable at a time.

A replica is drained (no new calls; those it has, or that are on the way, are finished), its process ends, and the new
version starts in its place. The next one follows when all that were replaced have been ready for two probe periods
without a failed probe. While probes fail, the rollout stands still; after `patience` (a progress deadline) it is rolled
back. A restart is the same of one replica, with the version it has.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.faults.fault import Fault
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.service import Service
from meshquake.sim.lifecycle.process import boot, end
from meshquake.sim.lifecycle.readiness import examine

#: Seconds that calls in progress have to finish, as Kubernetes' terminationGracePeriodSeconds.
GRACE = 30.0
#: How often progress is looked at (seconds).
_TICK = 0.25


def rollout(
    cluster: Cluster, service: Service, fault: Fault, version: str, patience: float
) -> Generator[Any, Any, bool]:
    """Roll a version out, and back if it isn't healthy; returns whether it stayed.

    The fault's effect acts on each replica for as long as it runs the version. A rollout that begins while another is
    under way supersedes it, as with Kubernetes: no replica more gets the older version, and those that have it get the
    newer one.
    """
    before, revision = service.revision, Revision(version, fault)
    service.revision = revision
    cluster.journal.note(
        "deployment",
        service,
        version=version,
        previous=before.version,
        replicas=len(service.replicas),
        strategy="rolling",
    )
    changed: list[Replica] = []
    for replica in service.replicas:
        yield from _replace(cluster, replica, "deployment", revision)
        changed.append(replica)
        settled = yield from _settled(cluster, changed, revision, patience)
        if service.revision is not revision:
            while revision.modifiers:
                yield cluster.timeout(_TICK)
            return False
        if not settled:
            yield from _roll_back(cluster, service, changed, revision, before)
            return False
    cluster.journal.note("deployment_completed", service, version=version)
    return True


def restart(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    """Restart a replica with the version that it runs."""
    yield from _replace(cluster, replica, "restart")


def _roll_back(
    cluster: Cluster, service: Service, changed: list[Replica], failed: Revision, before: Revision
) -> Generator[Any, Any, None]:
    """Bring the changed replicas back to the revision before, the last one first."""
    service.revision = before
    cluster.journal.note(
        "rollback", service, version=before.version, failed_version=failed.version, replicas_changed=len(changed)
    )
    # If the one before was under way itself, it has not got everywhere yet.
    rest = [replica for replica in service.replicas if replica not in changed and replica.revision is not before]
    for replica in (*reversed(changed), *rest):
        yield from _replace(cluster, replica, "rollback", before)
        if service.revision is not before:
            while failed.modifiers:
                yield cluster.timeout(_TICK)
            return
    cluster.journal.note("rollback_completed", service, version=before.version)


def _replace(
    cluster: Cluster, replica: Replica, reason: str, revision: Revision | None = None
) -> Generator[Any, Any, None]:
    """Drain a replica and start it again, with another revision if one is given and still wanted by then."""
    # One at a time: another rollout, or a restart, may have the replica in hand.
    while replica.draining:
        yield cluster.timeout(_TICK)
    if revision is not None and revision is not replica.service.revision:
        return  # superseded while it waited
    replica.draining = True
    replica.ready = False
    replica.service.refresh()
    cluster.journal.note("draining", replica.service, replica=replica, requests=replica.calls)
    deadline = cluster.now + GRACE
    # Calls that were on the way still arrive.
    yield cluster.timeout(_TICK)
    while replica.calls and cluster.now < deadline:
        yield cluster.timeout(_TICK)
    end(cluster, replica)
    if revision is not None:
        _change(cluster, replica, revision)
    yield from boot(cluster, replica, replica.version if revision is None else revision.version, reason)
    replica.draining = False
    # The kubelet probes a new container at once, and puts it in rotation on the first success.
    examine(cluster, replica, "" if replica.up else "connection refused")


def _change(cluster: Cluster, replica: Replica, revision: Revision) -> None:
    """Let the fault of another revision act on a replica, in place of that of the one that it ran."""
    former = replica.revision.modifiers.pop(replica.index, None)
    if former is not None:
        cluster.detach(former, [replica])
    replica.revision = revision
    if revision.fault is not None:
        modifier = revision.modifiers[replica.index] = cluster.modifier(revision.fault, revision.fault.target, None)
        cluster.attach(modifier, replica)


def _settled(
    cluster: Cluster, changed: list[Replica], revision: Revision, patience: float
) -> Generator[Any, Any, bool]:
    """Wait until changed replicas have been healthy for two probe periods.

    False if they fail for `patience`, or if the service shall have another revision by now.
    """
    service = changed[0].service
    steady = 2 * service.spec.readiness.period
    since = cluster.now
    trouble: float | None = None
    while cluster.now - since < steady:
        yield cluster.timeout(_TICK)
        if service.revision is not revision:
            return False
        if any(replica.failures or not replica.ready for replica in changed):
            since = cluster.now
            trouble = since if trouble is None else trouble
        if trouble is not None and cluster.now - trouble >= patience:
            return False
    return True
