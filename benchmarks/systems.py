"""What of a mesh is its system's own: how its requests are built, and what its callers do not do."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from meshquake.topology.deadlines import own_limit
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.runtimes import runtime
from meshquake.topology.spec import Edge, Service

#: Statistics of how long a system's traces are, and of how their calls are made.
TRACES: Final = ("spans a trace, p50", "spans a trace, p99")
CALLS: Final = ("children a span, p99", "depth of calls, p99")
#: The statistic of metrics that only a runtime with a collector of garbage has.
GARBAGE: Final = "metrics of: GC"
#: Public systems so large that their traces are to be as long as published ones are.
LARGE: Final = frozenset({"otel-demo", "social-network", "train-ticket"})


@dataclass(frozen=True)
class System:
    """What is not ours to change.

    Attributes
    ----------
    shape
        The statistics that say how the public system is, by name; none of a mesh that is nobody's.
    still
        Series that count what never happens, since nobody retries there or gives up: metric, caller and callee.
    """

    shape: frozenset[str] = frozenset()
    still: frozenset[tuple[str, str, str]] = frozenset()

    @classmethod
    def of(cls, mesh: Path) -> System:
        """The system of a topology file; only that of a shipped one may be public."""
        name = {path: name for name, path in shipped().items()}.get(mesh, DEFAULT)
        topology = load(mesh).topology
        shape: set[str] = set()
        if name != DEFAULT:
            shape.update(CALLS, () if name in LARGE else TRACES)
            if not any(map(_collects, topology.services)):
                shape.add(GARBAGE)
        return cls(frozenset(shape), frozenset(series for edge in topology.edges for series in _still(edge)))


def _collects(service: Service) -> bool:
    """Whether it is known to be built with something that collects garbage."""
    found = runtime(service.stack, service.system)
    return found is not None and found.pause is not None


def _still(edge: Edge) -> list[tuple[str, str, str]]:
    """The series of an edge that its policies leave at 0."""
    limited = edge.inherit_deadline or own_limit(edge) < inf
    unused = {"retry_rate": edge.retry is None, "timeout_rate": not limited}
    return [(metric, edge.caller, edge.callee) for metric, idle in unused.items() if idle]
