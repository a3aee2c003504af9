"""A caller's connection pools lose connections: a connection leak, a wrong limit in a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from meshquake.faults.effect import Effect
from meshquake.faults.fault import Fault, Target
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class ShrinkPool(Fault):
    """The pools of an edge shrink to the share `to` of their size, at least one; at severity s, to 1 - s * (1 - to)."""

    kind: ClassVar[str] = "shrink_pool"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "connections"
    aliases: ClassVar[tuple[str, ...]] = ("pool", "connection_pool")
    ranges: ClassVar[Mapping[str, str]] = {"to": "0%..20%"}
    to: float = key("ratio", "share of the connections that remain", 0.1, low=0, high=1)

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Only an edge with a pool can shrink it, and a pool serves all replicas of the callee."""
        if target.replica is not None or target.callee_replica is not None:
            return f"it shrinks the pools of all replicas: write {target.service} -> {target.callee}"
        edge = next(edge for edge in topology.edges if (edge.caller, edge.callee) == (target.service, target.callee))
        return "" if edge.pool else f"{target} has no connection pool"

    def effect(self, level: float) -> Effect:
        return Effect(pool=1 - level * (1 - self.to))
