"""Properties of a mesh that belong to the modelled system: how requests are built, and what callers never do."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from meshquake.topology.deadlines import own_limit
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.runtimes import runtime
from meshquake.topology.spec import Edge, Service

#: Statistics of the size of a system's traces and of how their calls are made.
TRACES: Final = ("spans per trace, p50", "spans per trace, p99")
CALLS: Final = ("children per span, p99", "depth of calls, p99")
#: The one statistic of metrics that only a garbage-collected runtime has.
GARBAGE: Final = "metrics: GC"
#: Public systems large enough that their traces should be as long as published ones.
LARGE: Final = frozenset({"otel-demo", "social-network", "train-ticket"})


@dataclass(frozen=True)
class System:
    """Properties of a system that are not ours to change.

    Attributes
    ----------
    shape
        Names of the statistics that describe the public system; none for a mesh that models no public system.
    still
        Series that count things that never happen, since nobody retries or gives up there: metric, caller and callee.
    """

    shape: frozenset[str] = frozenset()
    still: frozenset[tuple[str, str, str]] = frozenset()

    @classmethod
    def of(cls, mesh: Path) -> System:
        """Return the system of a topology file; only a shipped file can be of a public system."""
        name = {path: name for name, path in shipped().items()}.get(mesh, DEFAULT)
        topology = load(mesh).topology
        shape: set[str] = set()
        if name != DEFAULT:
            shape.update(CALLS, () if name in LARGE else TRACES)
            if not any(map(_collects, topology.services)):
                shape.add(GARBAGE)
        return cls(frozenset(shape), frozenset(series for edge in topology.edges for series in _still(edge)))


def _collects(service: Service) -> bool:
    """Return whether a service is known to run on a garbage-collected runtime."""
    found = runtime(service.stack, service.system)
    return found is not None and found.pause is not None


def _still(edge: Edge) -> list[tuple[str, str, str]]:
    """Return the series of an edge that its policies leave at 0."""
    limited = edge.inherit_deadline or own_limit(edge) < inf
    unused = {"retry_rate": edge.retry is None, "timeout_rate": not limited}
    return [(metric, edge.caller, edge.callee) for metric, idle in unused.items() if idle]
