"""The parts of a running mesh that a policy may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from meshquake.sim.engine.policy import CallerPolicy, ServerPolicy
from meshquake.topology.environment import Environment

if TYPE_CHECKING:
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.engine import CallEngine
    from meshquake.sim.engine.environment import Environment as Clock
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service
    from meshquake.sim.journal import Journal
    from meshquake.sim.lifecycle.past import Past
    from meshquake.topology.environment.collections import Collections
    from meshquake.topology.environment.errors import BaseErrors


@dataclass(frozen=True)
class PolicyContext:
    """What a policy may use of the mesh: clock, call engine, journal, environment, seed, and the processes' past."""

    env: Clock
    engine: CallEngine
    journal: Journal
    environment: Environment
    seed: int
    past: Past

    @cached_property
    def errors(self) -> dict[str, BaseErrors]:
        """Errors that calls have without a fault, by service."""
        return dict(self.environment.errors)

    @cached_property
    def collections(self) -> dict[str, Collections]:
        """Garbage collections that stop processes, by service."""
        return dict(self.environment.collections)


#: Makes a caller's policy for a new process of one of its replicas. The last argument says whether the process counts
#: as having run for long (with open connections), as at the start of a recording.
Maker = Callable[["Replica", bool], CallerPolicy]
#: Inspects an edge once, before the run, and returns how its policy is made; None if it has none.
CallerRow = Callable[["RuntimeEdge", PolicyContext], Maker | None]
ServerRow = Callable[["Service", PolicyContext], Callable[["Replica"], ServerPolicy] | None]
