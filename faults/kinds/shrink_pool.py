"""A caller's connection pools lose connections: a leak of connections, a wrong limit in a configuration."""

from dataclasses import dataclass
from typing import ClassVar

from faults.effect import Effect
from faults.fault import Fault
from topology.keys import key
from topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class ShrinkPool(Fault):
    """The pools of an edge keep the share `to` of their size, at least one; at severity s, 1 - s * (1 - to)."""

    kind: ClassVar[str] = "shrink_pool"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    to: float = key("ratio", "share of the connections that is left", 0.1, low=0, high=1)

    def misfit(self, topology: Topology) -> str:
        """An edge without a pool has nothing to shrink."""
        edge = next(
            edge for edge in topology.edges if (edge.caller, edge.callee) == (self.target.service, self.target.callee)
        )
        return "" if edge.pool else f"{self.target} has no connection pool"

    def effect(self, level: float) -> Effect:
        return Effect(pool=1 - level * (1 - self.to))
