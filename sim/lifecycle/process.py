"""The process of a replica: how it starts, and how it ends."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.replica import Replica


def boot(cluster: Cluster, replica: Replica, version: str, reason: str) -> Generator[Any, Any, None]:
    """Start the replica's process; it's up after the service's start-up time, and ready at its next good probe."""
    service = replica.service
    replica.version = version
    cluster.incarnate(replica)
    incarnation = replica.incarnation
    cluster.journal.note("restart", service, replica=replica, reason=reason)
    yield cluster.timeout(service.spec.startup)
    if replica.stops or replica.leaving or replica.incarnation != incarnation:
        return  # it was killed or deleted meanwhile, and may have been started again
    replica.account(cluster.now)
    replica.up = True
    replica.failures = replica.successes = 0
    cluster.journal.note("started", service, replica=replica, startup_s=f"{service.spec.startup:g}")


def end(cluster: Cluster, replica: Replica) -> None:
    """End the replica's process: its calls are lost, and so are its connections and what it knew of its callees."""
    replica.account(cluster.now)
    replica.up = False
    cluster.engine.kill(replica)
    cluster.disconnect(replica)
    cluster.connect(replica, warm=False)


def crash(cluster: Cluster, replica: Replica, reason: str) -> None:
    """The replica's process ends unasked."""
    end(cluster, replica)
    cluster.journal.note("replica_stopped", replica.service, replica=replica, reason=reason)
