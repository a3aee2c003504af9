"""Targets as written in scenario files, and those that a mesh has."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator

from meshquake.faults.fault import Cause, Target
from meshquake.topology.estimates import call_rates, expected_visits
from meshquake.topology.naming import parts
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import SERVICE_KINDS, Topology
from meshquake.topology.units import shown

_REPLICA = re.compile(r"(.+)\[(\d{1,6})\]")

#: What a target of each level is called.
LEVEL_NAMES = {
    "service": "a service",
    "replica": "a replica (service[0])",
    "operation": "an operation (service.operation)",
    "edge": "an edge (caller -> callee)",
    "users": "all users (users)",
}


def parse_target(text: str, services: Container[str] = ()) -> Target:
    """Read a target such as `database`, `database[0]`, `database.select`, `order-service -> database` or `users`.

    Parameters
    ----------
    text
        The target.
    services
        The names of the mesh's services, if it is known; they may contain dots.

    Returns
    -------
    Target
        The target by its form alone; `unfit` checks whether there is such a service.

    Raises
    ------
    ValueError
        If it has the form of no target; the message says what would be right.
    """
    text = text.strip()
    caller, arrow, callee = (part.strip() for part in text.partition("->"))
    if arrow and caller and callee:
        (caller, one), (callee, other) = _numbered(caller), _numbered(callee)
        return Target("edge", caller, one, callee=callee, callee_replica=other)
    if arrow or not text:
        forms = "service, service[0], service.operation, caller -> callee or users"
        raise ValueError(f"must be {forms}, not {shown(text)}")
    if text == "users":
        return Target("users")
    if (replica := _REPLICA.fullmatch(text)) and replica[1] in services:
        return Target("replica", replica[1], replica=int(replica[2]))
    service, operation = parts(text, services)
    is_operation = len(service) < len(text)
    if is_operation and (_REPLICA.fullmatch(service) or _REPLICA.fullmatch(operation)):
        raise ValueError(f"must be a replica or an operation, not both: {shown(text)}")
    if replica := _REPLICA.fullmatch(text):
        return Target("replica", replica[1], replica=int(replica[2]))
    return Target("operation", service, operation=operation) if is_operation else Target("service", service)


def read_target(text: str, mesh: Topology | None) -> Target:
    """Read a target in a mesh, if that is known; raises as `parse_target`."""
    return parse_target(text, () if mesh is None else {service.name for service in mesh.services})


def _numbered(end: str) -> tuple[str, int | None]:
    """Return the service at an end of an edge, and which of its replicas is meant; None for all of them."""
    replica = _REPLICA.fullmatch(end)
    return (replica[1], int(replica[2])) if replica else (end, None)


def missing(target: Target, mesh: Topology | None) -> str:
    """Return why the mesh has no such target; empty if it has, or if there is no mesh."""
    if mesh is None or target.level == "users":
        return ""
    names = [service.name for service in mesh.services]
    for name in (target.service, target.callee):
        if name is not None and name not in names:
            by_kind = f" (by its kind: {{kind: {name}}})" if name in SERVICE_KINDS else suggestion(name, names)
            return f"unknown service {shown(name)}{by_kind}"
    service = mesh.service(target.service)
    for name, replica in ((target.service, target.replica), (target.callee, target.callee_replica)):
        if name is not None and replica is not None and replica >= (count := mesh.service(name).replicas):
            return f"the last replica of {name} is {name}[{count - 1}]"
    operations = [operation.name for operation in service.operations]
    if target.operation is not None and target.operation not in operations:
        return f"{service.name} has no operation {shown(target.operation)}{suggestion(target.operation, operations)}"
    callees = [edge.callee for edge in mesh.edges if edge.caller == service.name]
    if target.callee is not None and target.callee not in callees:
        return f"{service.name} does not call {target.callee}; it calls {', '.join(callees) or 'nothing'}"
    return ""


def unfit(kind: type[Cause], target: Target, mesh: Topology | None) -> str:
    """Return why faults of a kind cannot act on a target; empty if they can, as far as is known without a mesh."""
    problem = missing(target, mesh)
    if not problem and target.level not in kind.levels:
        levels = " or ".join(LEVEL_NAMES[level] for level in kind.levels)
        problem = f"a {kind.kind} {kind.what} acts on {levels}; {target} is {LEVEL_NAMES[target.level]}"
    return problem or ("" if mesh is None else kind.misfit(target, mesh))


def candidates(kind: type[Cause], mesh: Topology) -> dict[str, tuple[Target, ...]]:
    """Return the targets that a kind fits and that healthy requests reach, by level; levels without any are left out.

    Levels come in the order of the kind's `levels`, targets in file order. Single replicas are targets only where a
    service has several.
    """
    found = {
        level: tuple(
            target
            for target in _TARGETS[level](mesh)
            if not kind.misfit(target, mesh) and not kind.unclear(target, mesh)
        )
        for level in kind.levels
        if level not in kind.undrawn
    }
    return {level: targets for level, targets in found.items() if targets}


def _services(mesh: Topology) -> Iterator[Target]:
    visited = {target.service for target in _operations(mesh)}
    return (Target("service", service.name) for service in mesh.services if service.name in visited)


def _replicas(mesh: Topology) -> Iterator[Target]:
    for target in _services(mesh):
        replicas = mesh.service(target.service).replicas
        if replicas > 1:
            yield from (Target("replica", target.service, replica=index) for index in range(replicas))


def _operations(mesh: Topology) -> Iterator[Target]:
    return (read_target(name, mesh) for name, visits in expected_visits(mesh).items() if visits)


def _edges(mesh: Topology) -> Iterator[Target]:
    return (Target("edge", caller, callee=callee) for (caller, callee), rate in call_rates(mesh).items() if rate)


def _users(mesh: Topology) -> Iterator[Target]:
    yield Target("users")


#: How the targets of each level are found.
_TARGETS: dict[str, Callable[[Topology], Iterator[Target]]] = {
    "service": _services,
    "replica": _replicas,
    "operation": _operations,
    "edge": _edges,
    "users": _users,
}
