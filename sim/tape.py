"""Addressed randomness: every draw belongs to a request, none to the order of events.

A draw has an address: the run's seed, the call site, the request's number there, the visit (which attempt of
which attempt) and the purpose. Two runs with one seed therefore give the same request the same service
demand, the same hit or miss and the same jitter, whatever else differs between them: common random
numbers (Law, Simulation Modeling and Analysis, section 11.2), here for each request rather than for each stream.

Draws are made with numpy's Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011): the key is a hash of seed and site, the counter is the address, so any draw can be made at
any time. Making them in pages of consecutive requests is what makes them cheap; how long a page is changes no draw.
"""

from __future__ import annotations

from topology.addresses import uniforms
from topology.distributions import Distribution

#: A request's draws at one site: own work, network time out and back (seconds), then uniforms that decide the choice of
#: a replica, whether the call is made, whether a lookup hits, and the pause before the next attempt.
Row = tuple[float, float, float, float, float, float, float]

_COLUMNS = 8  # two Philox blocks of four 64-bit numbers a row; the eighth is spare


class Tape:
    """The draws of one call site, for one visit, by request number.

    The two pages used last are kept, since requests reach a site almost in order.
    """

    __slots__ = ("_back", "_key", "_old", "_old_first", "_out", "_uses", "_visit", "_work", "first", "rows", "size")

    def __init__(
        self,
        key: int,
        visit: int,
        size: int,
        work: Distribution,
        latency: Distribution | None,
        uses: tuple[bool, bool, bool, bool],
    ) -> None:
        """`uses` tells which of the four uniforms are ever looked at; the others are left at 0."""
        self._key = key
        self._visit = visit
        self.size = size
        self._work = work
        self._out = self._back = latency
        self._uses = uses
        self.first = self._old_first = -size
        self.rows: list[Row] = []
        self._old: list[Row] = []

    def row(self, number: int) -> Row:
        """The draws for request `number`."""
        index = number - self.first
        if not 0 <= index < self.size:
            self._turn(number)
            index = number - self.first
        return self.rows[index]

    def _turn(self, number: int) -> None:
        """Make the page that holds `number` the current one."""
        first = number - number % self.size
        page = self._old if self._old_first == first else self._draw(first)
        self._old, self._old_first = self.rows, self.first
        self.rows, self.first = page, first

    def _draw(self, first: int) -> list[Row]:
        u = uniforms(self._key, first, self.size, _COLUMNS, self._visit)
        zero = [0.0] * self.size
        out = zero if self._out is None else self._out.quantile(u[:, 1]).tolist()
        back = zero if self._back is None else self._back.quantile(u[:, 2]).tolist()
        chances = [u[:, 3 + i].tolist() if used else zero for i, used in enumerate(self._uses)]
        return list(zip(self._work.quantile(u[:, 0]).tolist(), out, back, *chances, strict=True))
