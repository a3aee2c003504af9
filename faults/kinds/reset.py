"""Connections between two services are reset: a proxy restarts, a gateway forgets its address translations."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Reset(Fault):
    """A share of an edge's connections is reset at the start and after each `every`; severity multiplies the share.

    Callers lose the calls on those connections, while the callee keeps working on them; the callers' pools must open
    new connections.
    """

    kind: ClassVar[str] = "reset"
    levels: ClassVar[tuple[str, ...]] = ("edge",)
    indicator: ClassVar[str] = "network"
    aliases: ClassVar[tuple[str, ...]] = ("connection_reset", "connections", "errors")
    ranges: ClassVar[Mapping[str, str]] = {"every": "200ms..2s"}
    ramps: ClassVar[bool] = False
    unshaped: ClassVar[str] = "repeats as every says, and has no shape"
    drawn: ClassVar[bool] = False
    share: float = key("ratio", "share of the connections that are reset each time", 1.0, low=0, high=1, above=True)
    every: float = key("duration", "time from one reset to the next", 1.0, low=0.01, high=3600)

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Both ends: from outside, either one may be resetting connections."""
        assert target.callee is not None
        return (target.callee, target.service)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        number = 0
        while mesh.now < window.end:
            mesh.sever(self, self.share * self.severity, number)
            number += 1
            yield mesh.timeout(min(self.every, window.end - mesh.now))
