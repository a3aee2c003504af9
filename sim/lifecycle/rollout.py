"""A rolling update at run time: Kubernetes' Deployment with one replica unavailable at a time.

A replica is drained (no new calls; those it has, or that are on the way, are finished), its process ends, and the new
version starts in its place. The next one follows when all that were replaced have been ready for two probe periods
without a failed probe. While probes fail, the rollout stands still; after `patience` (a progress deadline) it is rolled
back. A restart is the same of one replica, with the version it has.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from meshquake.faults.fault import Fault
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.service import Service, boot, end, examine

if TYPE_CHECKING:
    from meshquake.sim.mesh import Mesh

#: Seconds that calls in progress have to finish, as Kubernetes' terminationGracePeriodSeconds.
GRACE = 30.0
#: How often progress is looked at (seconds).
_TICK = 0.25


def rollout(mesh: Mesh, service: Service, fault: Fault, version: str, patience: float) -> Generator[Any, Any, bool]:
    """Roll a version out, and back if it isn't healthy; returns whether it stayed.

    The fault's effect acts on each replica for as long as it runs the version.
    """
    before = service.replicas[0].version
    mesh.journal.event(
        "deployment", service, f"Deployment of {service.spec.name} {version} (was {before})", "info",
        version=version, previous=before, replicas=len(service.replicas), strategy="rolling",
    )  # fmt: skip
    mesh.journal.log("deploying", service, version=version, previous=before)
    changed: list[tuple[Replica, Modifier]] = []
    for replica in service.replicas:
        modifier = mesh.modifier(fault, None)
        yield from _replace(mesh, replica, version, "deployment", add=modifier)
        changed.append((replica, modifier))
        if not (yield from _settled(mesh, [replica for replica, _ in changed], patience)):
            yield from _roll_back(mesh, service, changed, version, before)
            return False
    mesh.journal.event(
        "deployment_completed", service, f"Every replica of {service.spec.name} runs {version}", "info", version=version
    )
    return True


def restart(mesh: Mesh, replica: Replica) -> Generator[Any, Any, None]:
    """Restart a replica with the version that it runs."""
    yield from _replace(mesh, replica, replica.version, "restart")


def _roll_back(
    mesh: Mesh, service: Service, changed: list[tuple[Replica, Modifier]], version: str, before: str
) -> Generator[Any, Any, None]:
    """Bring the changed replicas back to the version before, the last one first."""
    name = service.spec.name
    mesh.journal.event(
        "rollback", service, f"Rollback of {name} to {before}: {version} fails its health checks", "error",
        version=before, failed_version=version, replicas_changed=len(changed),
    )  # fmt: skip
    mesh.journal.log("rolling_back", service, version=version, previous=before)
    for replica, modifier in reversed(changed):
        yield from _replace(mesh, replica, before, "rollback", remove=modifier)
    mesh.journal.event(
        "rollback_completed", service, f"Every replica of {name} runs {before} again", "info", version=before
    )


def _replace(
    mesh: Mesh, replica: Replica, version: str, reason: str, add: Modifier | None = None, remove: Modifier | None = None
) -> Generator[Any, Any, None]:
    """Drain a replica and start it again with another version."""
    # One at a time: another rollout, or a restart, may have the replica in hand.
    while replica.draining:
        yield mesh.timeout(_TICK)
    replica.draining = True
    replica.ready = False
    replica.service.refresh()
    mesh.journal.log("draining", replica.service, replica=replica, requests=replica.calls)
    deadline = mesh.now + GRACE
    # Calls that were on the way still arrive.
    yield mesh.timeout(_TICK)
    while replica.calls and mesh.now < deadline:
        yield mesh.timeout(_TICK)
    end(mesh, replica)
    if remove is not None:
        mesh.detach(remove, [replica])
    if add is not None:
        mesh.attach(add, replica)
    yield from boot(mesh, replica, version, reason)
    replica.draining = False
    # The kubelet probes a new container at once, and puts it in rotation on the first success.
    examine(mesh, replica, "" if replica.up else "connection refused")


def _settled(mesh: Mesh, changed: list[Replica], patience: float) -> Generator[Any, Any, bool]:
    """Wait until changed replicas have been healthy for two probe periods; False if they fail for `patience`."""
    steady = 2 * changed[0].service.spec.readiness.period
    since = mesh.now
    trouble: float | None = None
    while mesh.now - since < steady:
        yield mesh.timeout(_TICK)
        if any(replica.failures or not replica.ready for replica in changed):
            since = mesh.now
            trouble = since if trouble is None else trouble
        if trouble is not None and mesh.now - trouble >= patience:
            return False
    return True
