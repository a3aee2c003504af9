"""Which calls of a mesh are lookups in a cache."""

from __future__ import annotations

from meshquake.faults.fault import Target
from meshquake.topology.spec import Topology, made


def without_lookups(target: Target, topology: Topology) -> str:
    """Return why no lookup can miss at a target, a cache or an edge to one; empty if something is looked up there."""
    for service in topology.services:
        for operation in service.operations:
            for call in made(operation.calls):
                if call.hit_rate is None:
                    continue
                if target.callee is not None:
                    if (service.name, call.service) == (target.service, target.callee):
                        return ""
                elif call.service == target.service and target.operation in (None, call.operation):
                    return ""
    asked = target.callee or target.service
    known = [operation.name for operation in topology.service(asked).operations]
    form = f"{asked}.{target.operation or known[0]}: {{hit_rate: 90%}}"
    return f"nothing is looked up at {target}: no call there has a hit_rate, as in calls: [{form}]"
