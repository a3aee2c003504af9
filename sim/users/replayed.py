"""Users who follow a file: each request comes at its time, whatever happens to others."""

from __future__ import annotations

from collections.abc import Mapping

from meshquake.sim.engine.call_site import CallSite
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment
from meshquake.sim.journal import Journal
from meshquake.sim.users.arrivals import Dips, Level
from meshquake.topology.addresses import address, uniform
from meshquake.topology.replay import Attributes, Replay


class Replayed:
    """Plays a file of requests, numbered from `first` on.

    Other attributes that the file gives a request are kept in the `journal`, by its number.

    A surge repeats requests at their own times, and a dip leaves some out; draws of the requests decide which.
    """

    def __init__(
        self,
        env: Environment,
        engine: CallEngine,
        key: int,
        roots: Mapping[str, CallSite],
        replay: Replay,
        first: int,
        level: Level | None,
        end: float,
        journal: Journal,
    ) -> None:
        self._env = env
        self._journal = journal
        self._engine = engine
        self._key = key
        self._roots = roots
        self._requests = replay.requests()
        self._first = first
        self._level = level
        self._end = end
        self._number = 0
        self._dips = Dips()
        #: Surges: the first of the numbers of its copies, how many copies, its level, and its end.
        self._surges: list[tuple[int, float, Level | None, float]] = []
        self._next()

    def surge(self, first: int, extra: float, level: Level | None, end: float) -> None:
        """Repeat requests `extra` times until `end`, numbered from `first` on; if negative, leave that share out."""
        if extra < 0:
            self._dips.add(-extra, level, end)
        else:
            self._surges.append((first, extra, level, end))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is not None and request[0] < self._end:
            self._env.call_at(request[0], self._arrive, request)

    def _arrive(self, request: tuple[float, str, Attributes]) -> None:
        _, entry, attributes = request
        root = self._roots[entry]
        number, now = self._number, self._env._now
        self._number += 1
        self._next()
        share = (1.0 if self._level is None else self._level(now)) * self._dips.left(now)
        if uniform(self._key, number) < share:
            self._enter(root, self._first + number, attributes)
        for first, extra, level, end in self._surges:
            if now < end:
                times = extra * (1.0 if level is None else level(now))
                copies = int(times + uniform(address(self._key, first), number))
                for copy in range(copies):
                    self._enter(root, first + number * COPIES + copy, attributes)

    def _enter(self, root: CallSite, number: int, attributes: Attributes) -> None:
        if attributes and self._journal.attributes is not None:
            self._journal.attributes[number] = attributes
        self._engine.enter(root, number)


#: The range of numbers kept for the copies of one request in a surge.
COPIES = 1024
