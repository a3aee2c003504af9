"""A service at run time: its replicas, and the processes that live beside the calls that flow through them.

Each replica has a readiness probe, as Kubernetes has it: some failures in a row take the replica out of rotation,
some successes bring it back. What is `ready` is what callers choose from.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from meshquake.sim.engine.call_site import operations_by_name
from meshquake.sim.engine.caller_state import RuntimeEdge
from meshquake.sim.engine.replica import Replica
from meshquake.topology.addresses import address, uniform
from meshquake.topology.spec import Service as Spec

if TYPE_CHECKING:
    from meshquake.sim.mesh import Mesh


class Service:
    """A service of the mesh. `links` are its edges to those it calls, by callee."""

    __slots__ = ("index", "links", "operations", "ready", "replicas", "spec")

    def __init__(self, spec: Spec, index: int, first_replica: int) -> None:
        self.spec = spec
        self.index = index
        self.operations = dict(operations_by_name(spec.operations))
        self.replicas = [Replica(self, i, first_replica + i) for i in range(spec.replicas)]
        #: The replicas that get calls, in order: one list for good, which sites have at hand too.
        self.ready = list(self.replicas)
        self.links: dict[str, RuntimeEdge] = {}

    def refresh(self) -> None:
        """Recompute `ready` after a replica's readiness changed."""
        self.ready[:] = [replica for replica in self.replicas if replica.ready]


def probing(mesh: Mesh, service: Service, replica: Replica) -> Generator[Any, Any, None]:
    """The readiness probe of one replica, as a process that lasts as long as the recording."""
    probe = service.spec.readiness
    key = address(mesh.seed, "probe", replica.name)
    # Probes of different replicas are not in step.
    yield mesh.timeout(probe.period * uniform(key, 0))
    number = 1
    while True:
        # While a rollout has the replica in hand, it's out of rotation and nobody asks.
        if not replica.draining:
            examine(mesh, replica, answers(mesh, replica, key, number))
        number += 1
        yield mesh.timeout(probe.period)


def answers(mesh: Mesh, replica: Replica, key: int, number: int) -> str:
    """Why the replica does not answer its probe of that number; empty if it does."""
    if not replica.up:
        return "connection refused"
    if len(replica.queue) >= replica.limit and replica.free == 0:
        return "queue full"
    for modifier in replica.modifiers:
        # What acts on one operation leaves the others alone, and the probe is none of them.
        whole = modifier.operation < 0
        if whole and uniform(key ^ modifier.key, number) < modifier.effect(mesh.now).probe_failure:
            return "probe failed"
    return ""


def examine(mesh: Mesh, replica: Replica, problem: str) -> None:
    """Count a probe's answer, and eject or restore the replica when there are enough of a kind."""
    probe = replica.service.spec.readiness
    if problem:
        replica.successes = 0
        replica.failures += 1
        mesh.journal.event(
            "health_check_failed", replica.service, f"Readiness probe of {replica.name} failed: {problem}", "warning",
            replica=replica, reason=problem, failures=replica.failures,
        )  # fmt: skip
        mesh.journal.log("probe_failed", replica.service, replica=replica, reason=problem, failures=replica.failures)
        if replica.ready and replica.failures >= probe.failure_threshold:
            set_ready(mesh, replica, False)
    else:
        replica.failures = 0
        replica.successes += 1
        if not replica.ready and replica.successes >= probe.success_threshold:
            set_ready(mesh, replica, True)


def set_ready(mesh: Mesh, replica: Replica, ready: bool) -> None:
    """Take a replica out of rotation, or put it back."""
    replica.ready = ready
    service = replica.service
    service.refresh()
    left = len(service.ready)
    if ready:
        mesh.journal.event(
            "replica_restored", service, f"{replica.name} is ready ({left} of {len(service.replicas)})", "info",
            replica=replica, ready=left, replicas=len(service.replicas),
        )  # fmt: skip
    else:
        mesh.journal.event(
            "replica_ejected", service, f"{replica.name} is not ready ({left} of {len(service.replicas)} left)",
            "error" if left else "critical", replica=replica, ready=left, replicas=len(service.replicas),
        )  # fmt: skip


def boot(mesh: Mesh, replica: Replica, version: str, reason: str) -> Generator[Any, Any, None]:
    """Start the replica's process; it's up after the service's start-up time, and ready at its next good probe."""
    service = replica.service
    replica.version = version
    mesh.incarnate(replica)
    incarnation = replica.incarnation
    mesh.journal.event("restart", service, f"{replica.name} starts ({reason})", "info", replica=replica, reason=reason)
    mesh.journal.log("starting", service, replica=replica, version=version, reason=reason)
    yield mesh.timeout(service.spec.startup)
    if replica.stops or replica.incarnation != incarnation:
        return  # it was killed meanwhile, and may have been started again
    replica.account(mesh.now)
    replica.up = True
    replica.failures = replica.successes = 0
    mesh.journal.log("started", service, replica=replica, version=version, startup_s=f"{service.spec.startup:g}")


def end(mesh: Mesh, replica: Replica) -> None:
    """End the replica's process: its calls are lost, and so are its connections and what it knew of its callees."""
    replica.account(mesh.now)
    replica.up = False
    mesh.life.kill(replica)
    mesh.connect(replica, warm=False)


def crash(mesh: Mesh, replica: Replica, reason: str) -> None:
    """The replica's process ends unasked."""
    end(mesh, replica)
    mesh.journal.event(
        "replica_stopped", replica.service, f"{replica.name} ended ({reason})", "error", replica=replica, reason=reason
    )
