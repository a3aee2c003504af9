"""All checks, in the order in which their findings are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from meshquake.topology.review import (
    autoscalers,
    breakers,
    caches,
    deadlocks,
    hedges,
    limits,
    load,
    memory,
    outliers,
    probes,
    queues,
    rate_limits,
    reach,
    retries,
    rollouts,
    timeouts,
    users,
    weights,
)
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.spec import Topology

#: A check for one kind of oddity.
Check = Callable[[Mesh], Iterator[Finding]]

_CHECKS: tuple[Check, ...] = (
    reach.unreached,
    load.overloaded,
    load.crowded,
    load.throttled,
    users.promised,
    users.deserted,
    timeouts.hasty,
    timeouts.inverted,
    retries.amplified,
    breakers.inert,
    breakers.hasty,
    limits.narrow,
    limits.measured,
    limits.oversized,
    deadlocks.deadlocked,
    timeouts.endless,
    memory.cramped,
    rate_limits.limited,
    probes.impatient,
    probes.steady,
    autoscalers.out_of_reach,
    autoscalers.blind,
    autoscalers.idle,
    autoscalers.crowded,
    rollouts.exposed,
    rollouts.stuck,
    outliers.toothless,
    hedges.idle,
    hedges.eager,
    hedges.alone,
    queues.indifferent,
    caches.cold,
    retries.steady,
    retries.never,
    timeouts.overridden,
    timeouts.groundless,
    weights.uneven,
)


def review(topology: Topology) -> list[Finding]:
    """Return everything odd about a mesh, check by check.

    Parameters
    ----------
    topology
        A mesh without cycles of operations.

    Returns
    -------
    list of (str, str)
        The path of the key to look at, such as `services.cart` or `edges.cart -> database.timeout`, and a message.
        A path may name a key that the document leaves to a default.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    return [finding for _, finding in checked(topology)]


def checked(topology: Topology) -> Iterator[tuple[Check, Finding]]:
    """Yield the findings of each check, check by check."""
    mesh = Mesh.of(topology)
    return ((check, finding) for check in _CHECKS for finding in check(mesh))
