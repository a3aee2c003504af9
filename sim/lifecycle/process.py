"""The process of a replica: how it starts, its startup probe, and how it ends."""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from typing import Any

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.upheaval import kill
from meshquake.sim.lifecycle.readiness import examine, problem, set_ready
from meshquake.topology.addresses import address
from meshquake.topology.policies import StartupProbe


def boot(cluster: Cluster, replica: Replica, version: str, reason: str) -> Generator[Any, Any, None]:
    """Start the replica's process: it is up after the service's start-up time, and ready at its next good probe."""
    service = replica.service
    replica.version = version
    replica.born = cluster.now
    cluster.incarnate(replica)
    replica.restarts += 1
    incarnation = replica.incarnation
    cluster.journal.note("restart", service, replica=replica, reason=reason)
    startup_probe = service.spec.startup_probe
    replica.started = startup_probe is None
    if startup_probe is not None:
        if replica.ready:
            set_ready(cluster, replica, False)
        cluster.env.process(_start_up(cluster, replica, startup_probe))
    yield cluster.timeout(service.spec.startup)
    if replica.incarnation != incarnation or replica.born == inf:
        return  # it was killed meanwhile, and may have been started again
    if replica.stops or replica.leaving:
        replica.born = inf  # there must be none
        return
    replica.account(cluster.now)
    replica.up = True
    if service.spec.warm_up is not None:
        replica.emptied = -1.0  # whatever it had is gone with the process before
        replica.lose(1.0, service.spec.warm_up, cluster.now)
    replica.failures = replica.successes = 0
    cluster.journal.note("started", service, replica=replica, startup_s=f"{service.spec.startup:g}")


def _start_up(cluster: Cluster, replica: Replica, probe: StartupProbe) -> Generator[Any, Any, None]:
    """Run the startup probe of one process: until it succeeds no other probe runs; if it fails too often, restart it.

    After success the kubelet checks readiness at once (`prober_manager.UpdatePodStatus`).
    """
    own, life, failures = address(cluster.seed, "startup", replica.name), replica.incarnation, 0
    yield cluster.timeout(probe.initial_delay)
    while replica.incarnation == life and replica.born < inf and not replica.leaving:
        if replica.draining:  # a rollout is replacing the replica, and there are no probes
            yield cluster.timeout(probe.period)
            continue
        # Draws are addressed by time: how many processes there have been depends on what else happens.
        trouble = problem(cluster, replica, probe, own, round(cluster.now / probe.period))
        if not trouble:
            replica.started = True
            examine(cluster, replica, problem(cluster, replica, replica.service.spec.readiness, own, 0))
            return
        failures += 1
        replica.failures += replica.up
        cluster.journal.note("startup_failed", replica.service, replica=replica, reason=trouble, failures=failures)
        if failures >= probe.failure_threshold:
            crash(cluster, replica, "startup probe failed")
            yield from reboot(cluster, replica, "startup probe failed")
            return
        yield cluster.timeout(probe.period)


def reboot(cluster: Cluster, replica: Replica, reason: str) -> Generator[Any, Any, None]:
    """Restart a process that ended unexpectedly: at once, but with back-off if that happens repeatedly."""
    pause = _pause(replica)
    if pause > 0:
        incarnation = replica.incarnation
        cluster.journal.note(
            "back_off", replica.service, replica=replica, reason=reason, pause_s=pause, shown=f"{pause:g}"
        )
        yield cluster.timeout(pause)
        if replica.stops or replica.draining or replica.incarnation != incarnation:
            return  # something else starts it, or has
    yield from boot(cluster, replica, replica.version, reason)


def _pause(replica: Replica) -> float:
    """Return the kubelet's back-off: none the first time, then doubling; reset once a process has lived long enough."""
    policy = replica.service.spec.restarts
    if policy is None:
        return 0.0
    if replica.lived >= policy.reset:
        replica.crashes = 0
    replica.crashes += 1
    doubled: float = policy.base * 2.0 ** min(replica.crashes - 2, 64)
    return min(doubled, policy.maximum) if replica.crashes > 1 else 0.0


def end(cluster: Cluster, replica: Replica) -> None:
    """End the replica's process: its calls, its connections and what it knew about its callees are lost.

    If it still has calls, it is killed.
    """
    replica.account(cluster.now)
    replica.killed = replica.calls > 0
    replica.up = False
    replica.lived = cluster.now - replica.born
    replica.born = inf
    kill(cluster.engine, replica)
    cluster.disconnect(replica)
    cluster.connect(replica, warm=False)


def crash(cluster: Cluster, replica: Replica, reason: str) -> None:
    """End the replica's process unexpectedly, and note the reason."""
    end(cluster, replica)
    replica.killed = True
    cluster.journal.note("replica_stopped", replica.service, replica=replica, reason=reason)


def run_out_of_memory(cluster: Cluster, replica: Replica) -> None:
    """Kill the replica's process, which has reached its memory limit, and start it again."""
    limit = replica.service.spec.memory.limit
    cluster.journal.note(
        "oom_kill",
        replica.service,
        replica=replica,
        last=True,
        limit_bytes=int(limit),
        limit_mib=f"{limit / 2**20:.0f}",
    )
    crash(cluster, replica, "out of memory")
    cluster.env.process(reboot(cluster, replica, "out of memory"))
