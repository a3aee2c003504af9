"""All that is reviewed, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from meshquake.topology.review.breakers import inert
from meshquake.topology.review.deadlocks import deadlocked
from meshquake.topology.review.hedges import too_late
from meshquake.topology.review.limits import narrow, oversized
from meshquake.topology.review.load import overloaded
from meshquake.topology.review.memory import cramped
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.review.outliers import toothless
from meshquake.topology.review.probes import impatient
from meshquake.topology.review.rate_limits import limited
from meshquake.topology.review.reach import unreached
from meshquake.topology.review.retries import amplified, steady
from meshquake.topology.review.timeouts import endless, hasty, inverted
from meshquake.topology.spec import Topology

#: Looks for one kind of oddity.
Check = Callable[[Mesh], Iterator[Finding]]

_CHECKS: tuple[Check, ...] = (
    unreached,
    overloaded,
    hasty,
    inverted,
    amplified,
    inert,
    narrow,
    oversized,
    deadlocked,
    endless,
    cramped,
    limited,
    impatient,
    toothless,
    too_late,
    steady,
)


def review(topology: Topology) -> list[Finding]:
    """Everything odd about a mesh, check by check.

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
    """What each check finds, check by check."""
    mesh = Mesh.of(topology)
    return ((check, finding) for check in _CHECKS for finding in check(mesh))
