"""Processes that grow while they run, and are recycled. Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from meshquake.topology.keys import key

#: Growth of a process per hour, as a share of its limit, by kind of service.
GROWTH: Final[Mapping[str, float]] = {
    "gateway": 0.02,
    "service": 0.04,
    "cache": 0.01,
    "database": 0.005,
    "external": 0.02,
}
#: How a process that has grown to its mark ends.
RESTART, OOM = "restart", "oom"


@dataclass(frozen=True)
class Aging:
    """A process grows while it runs: fragmentation, unbounded caches, leaks too slow for anybody to fix.

    When its base, garbage and growth together reach `recycle_at`, the process is recycled: it drains and restarts, if
    another replica can take its calls meanwhile, as worker processes do after a number of requests (gunicorn's
    max_requests, uWSGI's reload-on-rss). Or nobody takes care of it (`oom`), and it's killed at its limit. At the start
    of a recording, each replica has grown for some part of that time.
    """

    shorthand: ClassVar[str] = "growth"
    growth: float | None = key(
        "ratio",
        "growth per hour, as a share of its limit (default: 4%; for a gateway 2%, a cache 1%, a database 0.5%)",
        None,
        low=0,
        high=100,
    )
    recycle_at: float = key("ratio", "share of the limit at which it is recycled", 0.85, low=0, above=True, high=1)
    ends: str = key("choice", "how it ends: it is restarted, or killed at its limit", RESTART, choices=(RESTART, OOM))

    def growth_of(self, kind: str) -> float:
        """Return the growth per hour of a service of a kind, as a share of its limit."""
        return GROWTH[kind] if self.growth is None else self.growth

    @property
    def idle(self) -> bool:
        """Whether nothing grows."""
        return self.growth == 0

    @property
    def problem(self) -> str:
        """Always empty: valid keys are all it takes."""
        return ""
