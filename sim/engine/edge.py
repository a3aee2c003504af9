"""An edge of the mesh at run time: what all replicas of the caller share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshquake.topology.spec import Edge

if TYPE_CHECKING:
    from meshquake.sim.engine.modifier import Modifier
    from meshquake.sim.engine.service import Service


class RuntimeEdge:
    """An edge, as the topology describes it (`spec`), between two services; `index` is its place among the caller's."""

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
        #: Whether it's known of each call if it opens a connection (`Call.connect`).
        self.pooled = spec.pool is not None
        #: Whether calls may have waited for a connection at any time: a change may bring a pool, and take it away.
        self.held = self.pooled
        #: Whether some request may come to make a call here.
        self.used = False
        #: When its connections were last reset; negative if never.
        self.severed = -1.0
        #: What was last counted here, and when: connections, and calls under way (`sim.telemetry.metrics.network`).
        self.counted = (-1.0, 0.0, 0.0)
        #: What acts on the network here, in the order in which it began.
        self.modifiers: tuple[Modifier, ...] = ()
