"""Liveness probes as in Kubernetes: after enough failures in a row, the replica's process is killed and restarted.

Unlike a readiness probe, a liveness probe starts with the process: a process that takes longer to start than the probe
tolerates never comes up.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica
from meshquake.sim.lifecycle.process import crash, reboot
from meshquake.sim.lifecycle.readiness import problem
from meshquake.topology.addresses import address, uniform
from meshquake.topology.policies import Liveness

_REASON = "liveness probe failed"
#: How often the calls of a process that is about to be killed are checked (seconds).
_TICK = 0.25


#: How often a probe that was switched off checks whether it is on again (seconds).
_IDLE = 1.0


def watch(cluster: Cluster, replica: Replica) -> None:
    """Start the liveness probe of a replica, if its service has one that does not run yet."""
    probe = replica.service.spec.liveness
    if probe is not None and replica not in cluster.probed:
        cluster.probed.add(replica)
        cluster.env.process(_watching(cluster, replica, probe))


def _watching(cluster: Cluster, replica: Replica, probe: Liveness) -> Generator[Any, Any, None]:
    """Run the liveness probe of one replica until the replica is deleted."""
    own = address(cluster.seed, "liveness", replica.name)
    yield cluster.timeout(probe.period * uniform(own, 0))
    number, life, failures = 1, replica.incarnation, 0
    while not replica.leaving:
        now = replica.service.spec.liveness
        if now is None:
            failures = 0
            yield cluster.timeout(_IDLE)
            continue
        probe = now
        if replica.incarnation != life:
            life, failures = replica.incarnation, 0
        if not replica.draining and replica.started and cluster.now - replica.born >= probe.initial_delay:
            trouble = problem(cluster, replica, probe, own, number)
            failures = failures + 1 if trouble else 0
            if trouble:
                cluster.journal.note(
                    "liveness_failed", replica.service, replica=replica, reason=trouble, failures=failures
                )
            if failures >= probe.failure_threshold:
                yield from _replace(cluster, replica, probe)
        number += 1
        yield cluster.timeout(probe.period)


def _replace(cluster: Cluster, replica: Replica, probe: Liveness) -> Generator[Any, Any, None]:
    """Kill the process once its calls are finished or their grace period is over, and start it again."""
    replica.draining = True
    replica.ready = False
    replica.service.refresh()
    deadline = cluster.now + probe.grace
    while replica.calls and cluster.now < deadline:
        yield cluster.timeout(min(_TICK, deadline - cluster.now))
    replica.draining = False
    if not replica.stops:  # else it's dead already, and whatever stopped it starts it again
        crash(cluster, replica, _REASON)
        cluster.env.process(reboot(cluster, replica, _REASON))
