"""Addressed randomness: every draw belongs to a request, none to the order of events.

A draw has an address: the run's seed, the call site, the request's number there, the attempt path (which attempt of
which attempt) and the purpose. Two runs with one seed therefore give the same request the same service
demand, the same hit or miss and the same jitter, whatever else differs between them: common random
numbers (Law, Simulation Modeling and Analysis, section 11.2), here for each request rather than for each stream.

Draws are made with numpy's Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011): the key is a hash of seed and site, the counter is the address, so any draw can be made at
any time. Making them in pages of consecutive requests keeps them cheap; the length of a page changes no draw.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from meshquake.topology.addresses import uniforms
from meshquake.topology.distributions import Distribution, Floats

#: A request's draws at one site: own work, network time out and back (seconds), then uniforms that decide the choice of
#: a replica, whether the call is made, whether a lookup hits, and the pause before the next attempt; and the error with
#: which it fails by itself, if its service has such errors (otherwise meaningless).
Draws = tuple[float, float, float, float, float, float, float, float]
#: Their positions.
WORK: Final = 0
OUT: Final = 1
BACK: Final = 2
PICK: Final = 3
CHANCE: Final = 4
LOOKUP: Final = 5
PAUSE: Final = 6
LAPSE: Final = 7

_COLUMNS: Final = 8  # two Philox blocks of four 64-bit numbers a row
DRAWS_BYTES: Final = 64
#: Requests numbered from here on do not come in order of their numbers: they belong to users who take turns.
SCATTERED: Final = 2**62
#: Rows of a small page, and how many of these a site keeps.
_ROWS: Final = 4
_MOST_PAGES: Final = 2**12
#: Turns draws, for requests from a number on, into what befalls calls by themselves: they stall, or fail.
Lapses = Callable[[Floats, int], None]
#: The row that begins at a byte of a page.
unpack: Callable[[bytes, int], Draws] = Struct("=8d").unpack_from


class Tape:
    """The draws of one call site, for one attempt path, by request number.

    The last two pages are kept, since requests reach a site almost in order. They are packed numbers, from which a
    request takes its row: as Python objects they would be four times as large, and most sites of a large mesh are
    reached by few of the requests that a page covers.
    """

    __slots__ = (
        "_attempt_path",
        "_key",
        "_lapses",
        "_latency",
        "_old",
        "_old_first",
        "_pages",
        "_work",
        "first",
        "page",
        "size",
    )

    def __init__(
        self,
        key: int,
        attempt_path: int,
        size: int,
        work: Distribution,
        latency: Distribution | None,
        lapses: Lapses | None = None,
    ) -> None:
        """Without a `latency`, the network times are meaningless; without `lapses`, so is the error of a call."""
        self._key = key
        self._attempt_path = attempt_path
        self.size = size
        self._work = work
        self._latency = latency
        self._lapses = lapses
        self.first = self._old_first = -size
        self.page = self._old = b""
        self._pages: dict[int, bytes] = {}

    def draws(self, number: int) -> Draws:
        """The draws for request `number`."""
        index = number - self.first
        if not 0 <= index < self.size:
            if number >= SCATTERED:
                return self._scattered(number)
            self._turn_to(number)
            index = number - self.first
        return unpack(self.page, index * DRAWS_BYTES)

    def _scattered(self, number: int) -> Draws:
        """The draws for a request of one of many users who take turns: each user has a small page."""
        index = number % _ROWS
        page = self._pages.get(number - index)
        if page is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            page = self._pages[number - index] = self._draw(number - index, _ROWS)
        if index == _ROWS - 1:
            del self._pages[number - index]  # the user goes on to the next
        return unpack(page, index * DRAWS_BYTES)

    def _turn_to(self, number: int) -> None:
        """Make the page that holds `number` the current one."""
        first = number - number % self.size
        page = self._old if self._old_first == first else self._draw(first, self.size)
        self._old, self._old_first = self.page, self.first
        self.page, self.first = page, first

    def _draw(self, first: int, size: int) -> bytes:
        draws = uniforms(self._key, first, size, _COLUMNS, self._attempt_path)
        draws[:, 0] = self._work.quantile(draws[:, 0])
        if self._latency is not None:
            draws[:, 1:3] = self._latency.quantile(draws[:, 1:3])
        if self._lapses is not None:
            self._lapses(draws, first)
        return draws.tobytes()
