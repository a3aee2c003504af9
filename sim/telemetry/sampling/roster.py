"""Whom there is to measure. Services and edges are there for good; replicas may come and go during a run."""

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
    """Whom there is to measure at each level, by name, in an order that does not depend on who came when.

    Parameters
    ----------
    mesh
        The mesh.
    table
        The metrics that are recorded.
    replicas
        Replicas of it; of several with one name, the last is taken.
    callers
        Edges of it by position, each with a replica of the caller: those whose state has something to read.

    Attributes
    ----------
    replicas, callers
        These, in order.
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
        """Those there now, given the metrics that are recorded, and the replicas."""
        reads = [source.read for source in table.reads.values() if source.of is Level.CALLER]
        callers = [
            (place, replica)
            for place, edge in enumerate(mesh.edges)
            for replica in edge.caller.replicas
            if any(read(replica.callers[edge.index], mesh.now) is not None for read in reads)
        ]
        return cls(mesh, table, replicas, callers)

    def joined(self, other: Roster) -> Roster:
        """Those of both."""
        return self.with_more(other.replicas, other.callers)

    def with_more(self, replicas: Iterable[Replica], callers: Iterable[tuple[int, Replica]] = ()) -> Roster:
        """Those here and some more."""
        return Roster(self._mesh, self._table, [*self.replicas, *replicas], [*self.callers, *callers])

    @cached_property
    def things(self) -> dict[Level, Sequence[Any]]:
        """What may be read of, in the order of the members: for a caller's state stand its edge and the replica."""
        services = list(self._mesh.services.values())
        return {
            Level.SERVICE: services,
            Level.REPLICA: self.replicas,
            Level.EDGE: self._mesh.edges,
            Level.CALLER: self.callers,
        }

    def constants(self, level: Level, function: Callable[[Any], float]) -> Floats:
        """What a function gives of each of the things of a level, which must be the same at all times."""
        if function not in self._constants:
            self._constants[function] = np.array([function(thing) for thing in self.things[level]], dtype=np.float64)
        return self._constants[function]

    def concerned(self, level: Level, which: Concerned) -> Mask:
        """Which members of a level are among those of the topology, as it was at the start, or belong to them."""
        if (level, which) not in self._concerned:
            found = which(self._mesh.topology)
            told = [(service, target) in found for service, _, target in self.members[level]]
            self._concerned[level, which] = np.array(told, dtype=np.bool_)
        return self._concerned[level, which]

    def states(self) -> list[CallerState]:
        """The callers' states now: a process that starts anew has new ones."""
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
        """The services at which users come in who do next what depends on their answers."""
        populations = self._mesh.topology.workload.populations
        waiting = {entry for each in populations if each.answers_matter for entry in each.entries}
        return list(dict.fromkeys(root.service.spec.name for root in self._mesh.roots if root.name in waiting))

    @cached_property
    def entries(self) -> Ints:
        """The position of each service among these; -1 if it's none."""
        place = {name: position for position, name in enumerate(self._waited_at)}
        return np.array([place.get(name, -1) for name in self._mesh.services], dtype=np.int64)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Every series, in the order of the file: by level, by metric, and by member."""
        return tuple(
            Series(service, metric.name, replica, target)
            for level, metric in self._table.of_levels
            for service, replica, target in self.members_with(level, metric)
        )

    @cached_property
    def width(self) -> int:
        """How many series there are."""
        if not self._table.left_out:
            return sum(self.size(level) for level, _ in self._table.of_levels)
        return sum(len(self.members_with(level, metric)) for level, metric in self._table.of_levels)

    @cached_property
    def unusual(self) -> list[Unusual]:
        """The series that aren't recorded as they were measured."""
        found, first = [], 0
        for level, metric in self._table.of_levels if self._table.changed else ():
            after = first + len(self.members_with(level, metric))
            if metric.is_precise:
                found.append(Unusual(slice(first, after), metric))
            first = after
        return found

    @cached_property
    def texts(self) -> dict[str, pl.Series]:
        """All that the records of each series have but their times and values, by column."""
        found = [
            (service, metric.name, metric.unit, replica, target)
            for level, metric in self._table.of_levels
            for service, replica, target in self.members_with(level, metric)
        ]
        columns = zip(*found, strict=True) if found else [()] * 5
        return dict(zip(("service", "metric", "unit", "replica", "target"), map(names, columns), strict=True))

    def kept(self, level: Level, metric: Metric) -> Ints | None:
        """The positions of those members of a level of which a metric is recorded; None if it is of all."""
        return self._table.kept(level, metric, self.members[level])

    def members_with(self, level: Level, metric: Metric) -> Sequence[tuple[str, str | None, str | None]]:
        """The members of a level of which a metric is recorded."""
        kept, members = self.kept(level, metric), self.members[level]
        return members if kept is None else [members[each] for each in kept.tolist()]

    # -- positions -----------------------------------------------------------------------------------------------------

    def size(self, level: Level) -> int:
        """How many members a level has."""
        return len(self.members[level])

    def columns(self, other: Roster, level: Level) -> Ints | slice:
        """Where the members of a level stand in another roster that has them all."""
        if other is self:
            return slice(None)
        place = {name: position for position, name in enumerate(other.members[level])}
        return np.array([place[name] for name in self.members[level]], dtype=np.int64)

    def places(self, ranks: Ints) -> Ints:
        """Where replicas of some ranks (`tables.rank`) stand; -1 for those that are not here."""
        if not len(self._ranks):
            return np.full(len(ranks), -1)
        place = np.minimum(np.searchsorted(self._ranks, ranks), len(self._ranks) - 1)
        return np.where(self._ranks[place] == ranks, place, -1)

    @cached_property
    def stores(self) -> Ints:
        """The position of each service among the stores; -1 if it's none."""
        is_store = np.array([service.spec.kind in _STORES for service in self._mesh.services.values()])
        return np.where(is_store, np.cumsum(is_store) - 1, -1)

    @cached_property
    def groups(self) -> dict[tuple[Level, Level], Ints]:
        """For each member of a level, the position of what it belongs to at another; -1 if to nothing there."""
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
