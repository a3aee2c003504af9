"""The threads of processes, as metrics count them and log lines report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.topology.runtimes import loops, runtime

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica


def threads(replica: Replica, now: float) -> int | None:
    """Return how many threads (for Go, running goroutines) a process has; None if it is not known.

    Those of the runtime, and one per request that holds a worker.
    """
    spec = replica.service.spec
    own = runtime(spec.stack, spec.system)
    if own is None or loops(spec.stack):
        return None
    return (own.threads + replica.active) * replica.runs
