"""Targets by role: a target given by what it does in a mesh, so that one scenario plays on many meshes.

Which service or edge has a role depends on the mesh alone, never on the seed: candidates are ordered by the calls that
healthy requests make (`topology.estimates`), and ties by their order in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meshquake.faults.fault import Cause, Target
from meshquake.faults.targets import unfit
from meshquake.topology.estimates import call_rates, expected_visits
from meshquake.topology.graph import depths, walk
from meshquake.topology.keys import key
from meshquake.topology.naming import parts
from meshquake.topology.spec import SERVICE_KINDS, Service, Topology

MOST, LEAST, ENTRY, DEEPEST, REPLICAS, EVERY = (
    "most_called",
    "least_called",
    "entry",
    "deepest",
    "most_replicas",
    "every",
)
#: What either side of a call may be.
SIDES = (*SERVICE_KINDS, ENTRY)
#: The roles that an edge may have.
_OF_EDGES = (MOST, LEAST, EVERY)
#: Rates that agree to this many significant digits count as equal; the rest is rounding error.
_DIGITS = 9


@dataclass(frozen=True)
class Role:
    """A service of a mesh, or an edge, by what it does there.

    What no healthy request reaches has no role, and neither has what the kind of fault cannot act on.
    """

    kind: str = key("choice", "kind of service (default: any)", "", choices=SERVICE_KINDS)
    role: str = key("choice", "which of the candidates", MOST, choices=(MOST, LEAST, ENTRY, DEEPEST, REPLICAS, EVERY))
    nth: int = key(
        "count", "its place in the order of the role; the last one if there are fewer", 1, low=1, high=1_000_000
    )
    replica: int | None = key(
        "count", "one of its replicas, counted from 0; the last one if there are fewer", None, low=0, high=999_999
    )
    operation: str = key("choice", "one of its operations", "", choices=(MOST, LEAST))
    from_: str = key("choice", "for an edge: what the caller is", "", choices=SIDES)
    to: str = key("choice", "for an edge: what the callee is", "", choices=SIDES)

    @property
    def is_edge(self) -> bool:
        """Whether it is an edge."""
        return bool(self.from_ or self.to)

    @property
    def contradiction(self) -> str:
        """Why its keys do not go together; empty if they do."""
        if self.is_edge and (self.kind or self.operation or self.replica is not None):
            return "an edge (from, to) cannot have a kind, replica or operation"
        if self.is_edge and self.role not in _OF_EDGES:
            return f"an edge (from, to) cannot be {self.role} (valid: {', '.join(_OF_EDGES)})"
        if self.operation and self.replica is not None:
            return "must be a replica or an operation, not both"
        if self.role == EVERY and self.nth != 1:
            return "must be every one of them or the nth, not both"
        return ""

    def targets(self, kind: type[Cause] | None, mesh: Topology) -> list[Target]:
        """Return what has the role in a mesh: one target, or for `every` all (or none) in the order of a walk.

        Parameters
        ----------
        kind
            The kind of fault that acts there; None if the seed has yet to choose it.
        mesh
            The mesh.

        Raises
        ------
        ValueError
            If the role is not `every` and nothing has it; the message says what the mesh lacks.
        """

        def misfit(target: Target) -> str:
            return "" if kind is None else unfit(kind, target, mesh) or kind.unclear(target, mesh)

        ways = list(self._edges(mesh) if self.is_edge else self._services(mesh))
        # Each way lists alternative targets in one service, such as its operations; the first one that fits is taken.
        found = [target for way in ways if (target := next((each for each in way if not misfit(each)), None))]
        if self.role == EVERY:
            return found
        if not found:
            raise ValueError(misfit(ways[0][0]) if ways else self._lack(mesh))
        return [found[min(self.nth, len(found)) - 1]]

    def _services(self, mesh: Topology) -> Iterator[list[Target]]:
        """Yield the possible targets in each service, in the order of the role."""
        operations: dict[str, dict[str, float]] = {service.name: {} for service in mesh.services}
        for path, visits in expected_visits(mesh).items():
            name, operation = parts(path, operations)
            operations[name][operation] = _rounded(visits)
        rates = {name: _rounded(sum(each.values())) for name, each in operations.items()}
        entries = _entries(mesh)
        found = [each for each in mesh.services if rates[each.name] and self.kind in ("", each.kind)]
        if self.role == ENTRY:
            found = [service for service in found if service.name in entries]
        for service in sorted(found, key=self._order(rates, mesh)):
            if self.replica is not None:
                yield [Target("replica", service.name, replica=min(self.replica, service.replicas - 1))]
            elif self.operation:
                called = {name: rate for name, rate in operations[service.name].items() if rate}
                sign = _sign(self.operation)
                names = sorted(called, key=lambda name: sign * called[name])
                yield [Target("operation", service.name, operation=name) for name in names]
            else:
                yield [Target("service", service.name)]

    def _order(self, rates: dict[str, float], mesh: Topology) -> Callable[[Service], tuple[float, ...]]:
        """Return the sort key of services; ties stay in file order."""
        if self.role == DEEPEST:
            deep = depths(mesh)
            return lambda service: (-deep[service.name], -rates[service.name])
        if self.role == REPLICAS:
            return lambda service: (-service.replicas, -rates[service.name])
        if self.role == EVERY:
            met = _places(mesh)
            return lambda service: (met[service.name],)
        sign = _sign(self.role)
        return lambda service: (sign * rates[service.name],)

    def _edges(self, mesh: Topology) -> Iterator[list[Target]]:
        """Yield the possible edges in the order of the role, each alone."""
        entries = _entries(mesh)
        sides = {each.name: ("", each.kind, *([ENTRY] if each.name in entries else [])) for each in mesh.services}
        rates = {pair: _rounded(rate) for pair, rate in call_rates(mesh).items() if rate}
        met, sign = _places(mesh), _sign(self.role)

        def order(pair: tuple[str, str]) -> tuple[float, ...]:
            return (met[pair[0]], met[pair[1]]) if self.role == EVERY else (sign * rates[pair],)

        for caller, callee in sorted(rates, key=order):
            if self.from_ in sides[caller] and self.to in sides[callee]:
                yield [Target("edge", caller, callee=callee)]

    def _lack(self, mesh: Topology) -> str:
        """Return what a mesh lacks in which nothing has the role."""
        kinds = list(dict.fromkeys(service.kind for service in mesh.services))
        has = f"its services are of kind {' and '.join(filter(None, (', '.join(kinds[:-1]), kinds[-1])))}"
        if self.is_edge:
            ends = "".join(f" {word} {_one(side)}" for word, side in (("from", self.from_), ("to", self.to)) if side)
            return f"no request makes a call{ends} in {mesh.name}; {has}"
        what = self.kind or "service"
        if self.role == ENTRY:
            return f"users do not enter {mesh.name} at {_one(what)}; {has}"
        if self.kind in kinds:
            return f"no request reaches {_one(what)} in {mesh.name}"
        return f"{mesh.name} has no {what}; {has}"


def _places(mesh: Topology) -> dict[str, int]:
    """Return the services' positions in a walk from the users."""
    return {name: place for place, name in enumerate(walk(mesh))}


def _entries(mesh: Topology) -> set[str]:
    return {entry.service for entry in mesh.workload.mix}


def _sign(role: str) -> int:
    """Return what to multiply rates by so that the first in order has the role."""
    return 1 if role == LEAST else -1


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_DIGITS}g}")


def _one(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
