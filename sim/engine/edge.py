"""An edge of the mesh at run time: what all replicas of the caller share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.topology.spec import Edge

if TYPE_CHECKING:
    from meshquake.sim.engine.modifier import Modifier
    from meshquake.sim.engine.service import Service


class RuntimeEdge:
    """An edge between two services, as described in the topology (`spec`); `index` is its place among the caller's."""

    __slots__ = (
        "callee",
        "caller",
        "counted",
        "held",
        "index",
        "modifiers",
        "opened",
        "pooled",
        "severed",
        "spec",
        "used",
    )

    def __init__(self, spec: Edge, index: int, caller: Service, callee: Service) -> None:
        self.spec = spec
        self.index = index
        self.caller = caller
        self.callee = callee
        #: Connections opened so far, by all replicas of the caller.
        self.opened = 0
        #: Whether each call tells if it opens a connection (`Call.connect`).
        self.pooled = spec.pool is not None
        #: Whether calls may have waited for a connection at any time: a change may add a pool and remove it again.
        self.held = self.pooled
        #: Whether any request can make a call here.
        self.used = False
        #: When its connections were last reset; negative if never.
        self.severed = -1.0
        #: The last counts here and their time: connections, and calls under way (`sim.telemetry.metrics.network`).
        self.counted = (-1.0, 0.0, 0.0)
        #: The modifiers that act on the network here, in the order in which they began.
        self.modifiers: tuple[Modifier, ...] = ()
