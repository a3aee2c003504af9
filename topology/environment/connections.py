"""Connections that are closed when they are old. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from meshquake.topology.distributions import DAY
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Churn:
    """Pooled connections to a service are closed when they are old, and reopened when needed.

    As with HikariCP's maxLifetime (30 minutes) or SetConnMaxLifetime of Go's database/sql, a connection in use is
    closed once its call is over. So a pool keeps few connections that nobody needs: at the start of a recording, `open`
    of them.
    """

    shorthand: ClassVar[str] = "lifetime"
    lifetime: float = key("duration", "how long a connection lives", 1800.0, low=1, high=30 * DAY)
    open_: int = key("count", "connections of each pool that are open at the start", 2, low=0, high=10_000)

    @property
    def idle(self) -> bool:
        """Whether no connection is ever closed."""
        return False

    @property
    def problem(self) -> str:
        """Always empty: valid keys are all it takes."""
        return ""
