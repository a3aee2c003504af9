"""An open workload: a Poisson process for each entry operation.

Requests arrive whether or not earlier ones were answered, as on the internet (Schroeder et al., "Open versus closed: a
cautionary tale", NSDI 2006). Each entry has its own process with its own numbers, which together are one Poisson
process with a random mix; so a change of one entry's share changes no other's draws.
"""

from __future__ import annotations

from meshquake.sim.engine.call_site import CallSite
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment
from meshquake.sim.environment.calendar import Calendar
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.sim.users.arrivals import Arrivals, Level
from meshquake.sim.users.levels import both_levels
from meshquake.topology.addresses import address

#: What addresses the draws of a workload's own users.
USUAL = "usual"


class OpenUsers:
    """Users who call one entry operation, at `rate` requests per second.

    A population is identified by its name; its requests are numbered from `first` on. The rate varies by `level`, as
    planned, and by `pace`, which fluctuates. The `calendar` is told roughly when each request comes.
    """

    def __init__(
        self,
        env: Environment,
        engine: CallEngine,
        seed: int,
        root: CallSite,
        rate: float,
        end: float,
        name: str = USUAL,
        first: int = 0,
        level: Level | None = None,
        pace: Fluctuating | None = None,
        calendar: Calendar | None = None,
    ) -> None:
        self.env = env
        self.engine = engine
        self.seed = seed
        self.root = root
        #: Requests a second.
        self.rate = rate
        #: When they stop coming (seconds).
        self.end = end
        #: The entry operation they call, as `service.operation`.
        self.entry = root.name
        #: The name of their population.
        self.name = name
        self._level = level
        self._pace = pace
        self._calendar = calendar
        self._usual = self._arrivals(name, first, rate, level, end) if rate > 0 else None

    def surge(self, name: str, first: int, extra: float, level: Level | None, end: float) -> None:
        """Let `extra` times the usual number come in addition until `end`; if negative, that share stays away.

        `name` addresses the draws of those who come, and their requests are numbered from `first` on.
        """
        if self._usual is None:
            return
        if extra < 0:
            self._usual.dips.add(-extra, level, end)
        elif extra > 0:
            both = both_levels(level, self._level)
            self._arrivals(f"surge {name}", first, self.rate * extra, both, min(end, self.end))

    def _arrivals(self, name: str, first: int, rate: float, level: Level | None, end: float) -> Arrivals:
        key = address(self.seed, "arrivals", self.entry, name)
        if self._calendar is not None:
            self._calendar.note(first, rate, self.env._now)
        return Arrivals(self.env, key, first, rate, level, end, self._enter, self._pace)

    def _enter(self, number: int) -> None:
        self.engine.enter(self.root, number)
