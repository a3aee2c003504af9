"""What a policy is made with: the parts of a running mesh that it may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy, ServerPolicy
from meshquake.topology.environment import CALM, Environment

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.engine import CallEngine
    from meshquake.sim.engine.environment import Environment as Clock
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.journal import Journal
    from meshquake.topology.environment.collections import Collections
    from meshquake.topology.environment.errors import BaseErrors


@dataclass(frozen=True)
class PolicyContext:
    """What a policy may use of the mesh: clock, life of calls, what is noted, what goes on besides, seed."""

    env: Clock
    engine: CallEngine
    journal: Journal
    environment: Environment = CALM
    seed: int = 0

    @cached_property
    def errors(self) -> dict[str, BaseErrors]:
        """Calls that fail by themselves, by service."""
        return dict(self.environment.errors)

    @cached_property
    def collections(self) -> dict[str, Collections]:
        """Collections of garbage that stop processes, by service."""
        return dict(self.environment.collections)


#: Makes a caller's policy for one of its replicas, whose process begins now: the last argument says whether it has been
#: running for long (connections are open), as at the start of a recording.
Maker = Callable[["Replica", bool], CallerPolicy]
#: Looks at an edge once, before the run, and says how its policy is made; None if it has none.
CallerRow = Callable[["RuntimeEdge", PolicyContext], Maker | None]
ServerRow = Callable[["Service", PolicyContext], Callable[["Replica"], ServerPolicy] | None]
