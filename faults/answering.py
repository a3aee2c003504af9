"""Which errors the targets of a fault can answer with."""

from __future__ import annotations

from collections.abc import Iterable

from meshquake.faults.fault import Target
from meshquake.topology.errors import unanswered
from meshquake.topology.graph import name_of
from meshquake.topology.spec import Topology


def unanswered_at(targets: Iterable[Target], error: str, topology: Topology) -> str:
    """Return why the first target that users call cannot fail with an error; empty if all can."""
    operations = {name_of(entry) for entry in topology.workload.mix}
    services = {entry.service for entry in topology.workload.mix}
    for target in targets:
        called = str(target) in operations if target.level == "operation" else target.service in services
        if called and (problem := unanswered(error, str(target))):
            return problem
    return ""
