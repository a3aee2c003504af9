"""What there is to measure. Services and edges are there for good; replicas may come and go during a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from meshquake.sim.telemetry.metrics import Metric
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics.metric_table import MetricTable, Unusual
from meshquake.sim.telemetry.metrics.sources import Concerned, Mask
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.tables import Floats, Ints, rank
from meshquake.sim.telemetry.texts import names
from meshquake.topology.placement import NODES, Placement

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import CallerState
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.mesh import Mesh

#: Kinds of service that keep data.
_STORES = ("database", "cache")


class Roster:
    """What there is to measure at each level, in an order that doesn't depend on when replicas came.

    Parameters
    ----------
    mesh
        The mesh.
    table
        The metrics that are recorded.
    replicas
        Replicas of the mesh; of several with one name, the last is taken.
    callers
        Positions of edges, each with a replica of the caller: those whose state has something to read.

    Attributes
    ----------
    replicas, callers
        The same, in order.
    """

    def __init__(
        self, mesh: Mesh, table: MetricTable, replicas: Iterable[Replica], callers: Iterable[tuple[int, Replica]]
    ) -> None:
        self._mesh = mesh
        self._placement = Placement(mesh.topology)
        self._table = table
        by_rank = {rank(replica): replica for replica in replicas}
        by_edge = {(edge, rank(replica)): replica for edge, replica in callers}
        self._ranks: Ints = np.array(sorted(by_rank), dtype=np.int64)
        self.replicas = [by_rank[place] for place in sorted(by_rank)]
        self.callers = [(edge, by_edge[edge, place]) for edge, place in sorted(by_edge)]
        self._constants: dict[Callable[[Any], float], Floats] = {}
        self._concerned: dict[tuple[Level, Concerned], Mask] = {}

    @classmethod
    def of(cls, mesh: Mesh, table: MetricTable, replicas: Sequence[Replica]) -> Roster:
        """Make the roster of this moment, given the metrics that are recorded and the replicas."""
        reads = [source.read for source in table.reads.values() if source.of is Level.CALLER]
        callers = [
            (place, replica)
            for place, edge in enumerate(mesh.edges)
            for replica in edge.caller.replicas
            if any(read(replica.callers[edge.index], mesh.now) is not None for read in reads)
        ]
        return cls(mesh, table, replicas, callers)

    def joined(self, other: Roster) -> Roster:
        """Return a roster with the members of both."""
        return self.with_more(other.replicas, other.callers)

    def with_more(self, replicas: Iterable[Replica], callers: Iterable[tuple[int, Replica]] = ()) -> Roster:
        """Return a roster with more members."""
        return Roster(self._mesh, self._table, [*self.replicas, *replicas], [*self.callers, *callers])

    @cached_property
    def things(self) -> dict[Level, Sequence[Any]]:
        """The things that can be read, in the order of the members; a caller's state is given as edge and replica."""
        services = list(self._mesh.services.values())
        return {
            Level.SERVICE: services,
            Level.REPLICA: self.replicas,
            Level.EDGE: self._mesh.edges,
            Level.CALLER: self.callers,
        }

    def constants(self, level: Level, function: Callable[[Any], float]) -> Floats:
        """Return a function's values for the things of a level; they must not change over time."""
        if function not in self._constants:
            self._constants[function] = np.array([function(thing) for thing in self.things[level]], dtype=np.float64)
        return self._constants[function]

    def concerned(self, level: Level, which: Concerned) -> Mask:
        """Return whether each member of a level belongs to a service or edge that `which` selects in the topology.

        The topology is the one at the start of the run.
        """
        if (level, which) not in self._concerned:
            found = which(self._mesh.topology)
            told = [(service, target) in found for service, _, target in self.members[level]]
            self._concerned[level, which] = np.array(told, dtype=np.bool_)
        return self._concerned[level, which]

    def states(self) -> list[CallerState]:
        """Return the callers' current states: a restarted process has new ones."""
        edges = self._mesh.edges
        return [replica.callers[edges[place].index] for place, replica in self.callers]

    # -- names ---------------------------------------------------------------------------------------------------------

    @cached_property
    def members(self) -> dict[Level, list[tuple[str, str | None, str | None]]]:
        """The members of each level: service, replica and target."""
        services = [service.spec for service in self._mesh.services.values()]
        ends = [(edge.spec.caller, edge.spec.callee) for edge in self._mesh.edges]
        return {
            Level.SERVICE: [(spec.name, None, None) for spec in services],
            Level.REPLICA: [(replica.service.spec.name, replica.name, None) for replica in self.replicas],
            Level.STORE: [(spec.name, None, None) for spec in services if spec.kind in _STORES],
            Level.EDGE: [(caller, None, callee) for caller, callee in ends],
            Level.ENTRY: [(name, None, None) for name in self._waited_at],
            Level.CALLER: [(ends[place][0], replica.name, ends[place][1]) for place, replica in self.callers],
            Level.NODE: [(NODES, node, None) for node in self._placement.nodes],
        }

    @cached_property
    def _waited_at(self) -> list[str]:
        """The entry services of users whose next step depends on the answer."""
        populations = self._mesh.topology.workload.populations
        waiting = {entry for each in populations if each.answers_matter for entry in each.entries}
        return list(dict.fromkeys(root.service.spec.name for root in self._mesh.roots if root.name in waiting))

    @cached_property
    def entries(self) -> Ints:
        """The position of each service among the members of `Level.ENTRY`; -1 if it isn't one."""
        place = {name: position for position, name in enumerate(self._waited_at)}
        return np.array([place.get(name, -1) for name in self._mesh.services], dtype=np.int64)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """All series, in the order of samples: by level, metric, and member."""
        return tuple(
            Series(service, metric.name, replica, target)
            for level, metric in self._table.of_levels
            for service, replica, target in self.members_with(level, metric)
        )

    @cached_property
    def width(self) -> int:
        """The number of series."""
        if not self._table.left_out:
            return sum(self.size(level) for level, _ in self._table.of_levels)
        return sum(len(self.members_with(level, metric)) for level, metric in self._table.of_levels)

    @cached_property
    def unusual(self) -> list[Unusual]:
        """The series that are not recorded as measured."""
        found, first = [], 0
        for level, metric in self._table.of_levels if self._table.changed else ():
            after = first + len(self.members_with(level, metric))
            if metric.is_precise:
                found.append(Unusual(slice(first, after), metric))
            first = after
        return found

    @cached_property
    def texts(self) -> dict[str, pl.Series]:
        """The columns of metric records that are fixed for each series: all but times and values."""
        found = [
            (service, metric.name, metric.unit, replica, target)
            for level, metric in self._table.of_levels
            for service, replica, target in self.members_with(level, metric)
        ]
        columns = zip(*found, strict=True) if found else [()] * 5
        return dict(zip(("service", "metric", "unit", "replica", "target"), map(names, columns), strict=True))

    def kept(self, level: Level, metric: Metric) -> Ints | None:
        """Return the positions of the members of a level that a metric is recorded of; None for all of them."""
        return self._table.kept(level, metric, self.members[level])

    def members_with(self, level: Level, metric: Metric) -> Sequence[tuple[str, str | None, str | None]]:
        """Return the members of a level that a metric is recorded of."""
        kept, members = self.kept(level, metric), self.members[level]
        return members if kept is None else [members[each] for each in kept.tolist()]

    # -- positions -----------------------------------------------------------------------------------------------------

    def size(self, level: Level) -> int:
        """Return the number of members of a level."""
        return len(self.members[level])

    def columns(self, other: Roster, level: Level) -> Ints | slice:
        """Return the positions of the members of a level in another roster, which must have them all."""
        if other is self:
            return slice(None)
        place = {name: position for position, name in enumerate(other.members[level])}
        return np.array([place[name] for name in self.members[level]], dtype=np.int64)

    def places(self, ranks: Ints) -> Ints:
        """Return the positions of the replicas with some ranks (`tables.rank`); -1 for those that are not here."""
        if not len(self._ranks):
            return np.full(len(ranks), -1)
        place = np.minimum(np.searchsorted(self._ranks, ranks), len(self._ranks) - 1)
        return np.where(self._ranks[place] == ranks, place, -1)

    @cached_property
    def stores(self) -> Ints:
        """The position of each service among the stores; -1 if it isn't one."""
        is_store = np.array([service.spec.kind in _STORES for service in self._mesh.services.values()])
        return np.where(is_store, np.cumsum(is_store) - 1, -1)

    @cached_property
    def groups(self) -> dict[tuple[Level, Level], Ints]:
        """By pair of levels: the position at the second of what each member of the first belongs to; -1 for nothing."""
        service = np.array([replica.service.index for replica in self.replicas], dtype=np.int64)
        edge = np.array([edge for edge, _ in self.callers], dtype=np.int64)
        node = [self._placement.position(replica.service.spec.name, replica.index) for replica in self.replicas]
        store = self.stores[np.array([each.callee.index for each in self._mesh.edges], dtype=np.int64)]
        return {
            (Level.REPLICA, Level.SERVICE): service,
            (Level.REPLICA, Level.STORE): self.stores[service],
            (Level.EDGE, Level.STORE): store,
            (Level.CALLER, Level.EDGE): edge,
            (Level.CALLER, Level.STORE): store[edge],
            (Level.REPLICA, Level.NODE): np.array(node, dtype=np.int64),
        }
