"""Random arrivals: a Poisson process, thinned where its rate changes over time."""

from __future__ import annotations

from collections.abc import Callable
from math import log1p

from meshquake.sim.engine.environment import Environment
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.topology.addresses import uniforms

_PAGE = 256

#: A strength in [0, 1] by simulated time.
Level = Callable[[float], float]


class Dips:
    """Shares of the usual users that stay away for a time."""

    __slots__ = ("_dips",)

    def __init__(self) -> None:
        #: When each dip ends, and the share that it keeps away.
        self._dips: list[tuple[float, Level]] = []

    def add(self, depth: float, level: Level | None, end: float) -> None:
        """Let a share of `depth` times `level` stay away until `end`."""
        self._dips.append((end, lambda now: depth * (1.0 if level is None else level(now))))

    def __bool__(self) -> bool:
        return bool(self._dips)

    def left(self, now: float) -> float:
        """Return the share that is left."""
        self._dips = [(end, depth) for end, depth in self._dips if now < end]
        share = 1.0
        for _, depth in self._dips:
            share *= 1.0 - depth(now)
        return share


class Arrivals:
    """A Poisson process of `rate` arrivals per second.

    Where the rate changes over time, `level` thins it (Lewis and Shedler 1979): each arrival is kept or dropped by its
    own draw. `arrive` gets the number of each, counted from `first`. If the number of users fluctuates, time passes for
    them by `pace`: the same arrivals come, only earlier or later.
    """

    def __init__(
        self,
        env: Environment,
        key: int,
        first: int,
        rate: float,
        level: Level | None,
        end: float,
        arrive: Callable[[int], None],
        pace: Fluctuating | None = None,
    ) -> None:
        self.dips = Dips()
        self._env = env
        self._enter = arrive
        self._key = key
        self._first = first
        self._rate = rate
        self._level = level
        self._end = end
        self._pace = pace
        self._number = 0
        self._page: list[list[float]] = []
        self._arrive = self._on_arrival
        self._next()

    def _draws(self) -> list[float]:
        index = self._number % _PAGE
        if index == 0:
            self._page = uniforms(self._key, self._number, _PAGE).tolist()
        return self._page[index]

    def _next(self) -> None:
        """Schedule the next arrival, if it comes before the end."""
        pause, keep, _, _ = self._draws()
        now, wait = self._env._now, -log1p(-pause) / self._rate
        time = now + wait if self._pace is None else self._pace.after(now, wait)
        if time < self._end:
            self._env.call_at(time, self._arrive, keep)

    def _on_arrival(self, keep: float) -> None:
        number = self._first + self._number
        self._number += 1
        self._next()
        share = 1.0 if self._level is None else self._level(self._env._now)
        if self.dips:
            share *= self.dips.left(self._env._now)
        if keep < share:
            self._enter(number)
