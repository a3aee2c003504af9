"""The users: an open workload, a Poisson process for each entry operation.

Requests arrive whether or not earlier ones were answered, as people on the internet do (Schroeder et al., "Open
versus closed: a cautionary tale", NSDI 2006). Each entry has its own process with its own numbers, which
together are one Poisson process with a random mix; so a change of one entry's share changes no other's draws.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log1p

from meshquake.sim.engine.call_site import CallSite
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment
from meshquake.topology.addresses import address, uniforms

_PAGE = 256
#: Requests of a surge are numbered from a multiple of this on, which its name decides: they're other requests than the
#: usual ones, and than those of any other surge.
_SURGE_NUMBERS = 2**40
_SURGES = 2**20


class Users:
    """Those who call one entry operation, at `rate` requests a second."""

    def __init__(
        self, env: Environment, engine: CallEngine, seed: int, root: CallSite, rate: float, end: float
    ) -> None:
        self.env = env
        self.engine = engine
        self.seed = seed
        self.root = root
        #: Requests a second.
        self.rate = rate
        #: When the last of them come (seconds).
        self.end = end
        #: The entry operation they call, as `service.operation`.
        self.entry = f"{root.service.spec.name}.{list(root.service.operations)[root.operation]}"
        self._usual = Arrivals(self, "usual", 0, rate, None, end) if rate > 0 else None

    def surge(self, name: str, extra: float, level: Callable[[float], float] | None, end: float) -> None:
        """Let `extra` times the usual number come besides until `end`; if that is negative, so many stay away."""
        if extra < 0 and self._usual is not None:
            self._usual.dip(-extra, level, end)
        first = (1 + address(self.seed, "surge", name) % _SURGES) * _SURGE_NUMBERS
        if self.rate * extra > 0:
            Arrivals(self, f"surge {name}", first, self.rate * extra, level, min(end, self.end))


class Arrivals:
    """A Poisson process of requests; `level` thins it (Lewis and Shedler 1979) where the rate changes over time."""

    def __init__(
        self, users: Users, name: str, first: int, rate: float, level: Callable[[float], float] | None, end: float
    ) -> None:
        self._env = users.env
        self._enter = users.engine.enter
        self._site = users.root
        self._key = address(users.seed, "arrivals", users.entry, name)
        self._first = first
        self._rate = rate
        self._level = level
        self._end = end
        self._number = 0
        self._page: list[list[float]] = []
        #: What keeps a share of them away, by when it's over.
        self._dips: list[tuple[float, Callable[[float], float]]] = []
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
        time = self._env._now - log1p(-pause) / self._rate
        if time < self._end:
            self._env.call_at(time, self._arrive, keep)

    def _on_arrival(self, keep: float) -> None:
        number = self._first + self._number
        self._number += 1
        self._next()
        share = 1.0 if self._level is None else self._level(self._env._now)
        if keep < (self._left(share) if self._dips else share):
            self._enter(self._site, number)

    def dip(self, depth: float, level: Callable[[float], float] | None, end: float) -> None:
        """Let a share of them stay away until `end`, by draws of their own: `depth` times `level`."""
        self._dips.append((end, lambda now: depth * (1.0 if level is None else level(now))))

    def _left(self, share: float) -> float:
        """What dips leave of a share."""
        now = self._env._now
        self._dips = [(end, depth) for end, depth in self._dips if now < end]
        for _, depth in self._dips:
            share *= 1.0 - depth(now)
        return share
