"""Readiness probes as in Kubernetes: failures in a row take a replica out of rotation, successes put it back.

Callers choose among the `ready` replicas.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica
from meshquake.sim.lifecycle.probe_result import ProbeResult
from meshquake.topology.addresses import address, uniform
from meshquake.topology.policies import Probe


def probing(cluster: Cluster, replica: Replica, at_once: bool = False) -> Generator[Any, Any, None]:
    """Run the readiness probe of one replica until the replica is deleted.

    The kubelet probes a new container `at_once`.
    """
    own = address(cluster.seed, "probe", replica.name)
    # Probes of different replicas do not run in step.
    if not at_once:
        yield cluster.timeout(replica.service.spec.readiness.period * uniform(own, 0))
    number = 1
    while not replica.leaving:
        probe = replica.service.spec.readiness
        # While a rollout replaces the replica, it is out of rotation and not probed.
        if not replica.draining:
            examine(cluster, replica, problem(cluster, replica, probe, own, number))
        number += 1
        yield cluster.timeout(probe.period)


def problem(cluster: Cluster, replica: Replica, probe: Probe, own: int, number: int) -> str:
    """Return why the replica fails probe `number`, with draws addressed by `own`; empty if it passes."""
    return _result(cluster, replica, probe, own, number).reads(replica.service.spec.kind)


def _result(cluster: Cluster, replica: Replica, probe: Probe, own: int, number: int) -> ProbeResult:
    if not replica.up:
        return ProbeResult.REFUSED
    if probe.looks_at == "queue" and replica.queue.full and replica.free == 0:
        return ProbeResult.FAILED
    delay = 0.0
    for modifier in replica.modifiers:
        # An effect on one operation spares the others, and the probe is a separate one.
        if modifier.operation < 0:
            effect = modifier.effect(cluster.now)
            if effect.probes not in (None, probe.kind):
                continue
            delay += effect.probe_delay
            u = uniform(own ^ modifier.address, number)
            if u < effect.refuse:
                return ProbeResult.REFUSED
            if u < effect.hang:
                return ProbeResult.TIMED_OUT
            if u < effect.probe_failure:
                return ProbeResult.FAILED
    return ProbeResult.TIMED_OUT if delay > probe.timeout else ProbeResult.PASSED


def examine(cluster: Cluster, replica: Replica, problem: str) -> None:
    """Count the result of a probe, and eject or restore the replica when a threshold is reached.

    Until the startup probe has succeeded, results do not count.
    """
    if not replica.started:
        return
    probe = replica.service.spec.readiness
    if problem:
        replica.successes = 0
        replica.failures += 1
        cluster.journal.note(
            "health_check_failed", replica.service, replica=replica, reason=problem, failures=replica.failures
        )
        if replica.ready and replica.failures >= probe.failure_threshold:
            set_ready(cluster, replica, False)
    else:
        replica.failures = 0
        replica.successes += 1
        if not replica.ready and replica.successes >= probe.success_threshold:
            set_ready(cluster, replica, True)


def set_ready(cluster: Cluster, replica: Replica, ready: bool) -> None:
    """Take a replica out of rotation, or put it back."""
    replica.ready = ready
    replica.since = cluster.now
    service = replica.service
    service.refresh()
    left = len(service.ready)
    name = "replica_restored" if ready else "replica_ejected" if left else "last_replica_ejected"
    cluster.journal.note(name, service, replica=replica, ready=left, replicas=len(service.replicas))


def rotate(cluster: Cluster, replica: Replica) -> None:
    """Apply and note that an operator took a replica out of rotation, or put it back."""
    service = replica.service
    service.refresh()
    name = "taken_out" if replica.taken_out else "put_back"
    cluster.journal.note(name, service, replica=replica, ready=len(service.ready), replicas=len(service.replicas))
