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
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
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

    The fault's effect acts on each replica for as long as it runs the version.
    """
    before = service.replicas[0].version
    cluster.journal.note(
        "deployment", service, version=version, previous=before, replicas=len(service.replicas), strategy="rolling"
    )
    changed: list[tuple[Replica, Modifier]] = []
    for replica in service.replicas:
        modifier = cluster.modifier(fault, None)
        yield from _replace(cluster, replica, version, "deployment", add=modifier)
        changed.append((replica, modifier))
        if not (yield from _settled(cluster, [replica for replica, _ in changed], patience)):
            yield from _roll_back(cluster, service, changed, version, before)
            return False
    cluster.journal.note("deployment_completed", service, version=version)
    return True


def restart(cluster: Cluster, replica: Replica) -> Generator[Any, Any, None]:
    """Restart a replica with the version that it runs."""
    yield from _replace(cluster, replica, replica.version, "restart")


def _roll_back(
    cluster: Cluster, service: Service, changed: list[tuple[Replica, Modifier]], version: str, before: str
) -> Generator[Any, Any, None]:
    """Bring the changed replicas back to the version before, the last one first."""
    cluster.journal.note("rollback", service, version=before, failed_version=version, replicas_changed=len(changed))
    for replica, modifier in reversed(changed):
        yield from _replace(cluster, replica, before, "rollback", remove=modifier)
    cluster.journal.note("rollback_completed", service, version=before)


def _replace(
    cluster: Cluster,
    replica: Replica,
    version: str,
    reason: str,
    add: Modifier | None = None,
    remove: Modifier | None = None,
) -> Generator[Any, Any, None]:
    """Drain a replica and start it again with another version."""
    # One at a time: another rollout, or a restart, may have the replica in hand.
    while replica.draining:
        yield cluster.timeout(_TICK)
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
    if remove is not None:
        cluster.detach(remove, [replica])
    if add is not None:
        cluster.attach(add, replica)
    yield from boot(cluster, replica, version, reason)
    replica.draining = False
    # The kubelet probes a new container at once, and puts it in rotation on the first success.
    examine(cluster, replica, "" if replica.up else "connection refused")


def _settled(cluster: Cluster, changed: list[Replica], patience: float) -> Generator[Any, Any, bool]:
    """Wait until changed replicas have been healthy for two probe periods; False if they fail for `patience`."""
    steady = 2 * changed[0].service.spec.readiness.period
    since = cluster.now
    trouble: float | None = None
    while cluster.now - since < steady:
        yield cluster.timeout(_TICK)
        if any(replica.failures or not replica.ready for replica in changed):
            since = cluster.now
            trouble = since if trouble is None else trouble
        if trouble is not None and cluster.now - trouble >= patience:
            return False
    return True
