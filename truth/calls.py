"""The calls of one request as a tree, and where two runs of the same request part."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

from meshquake.sim.engine.call_site import ATTEMPT_BITS, CallSite


class Row(NamedTuple):
    """One call, with the fields of `sim.engine.call.ROW`; no time is negative except `NEVER`."""

    sent: float
    arrived: float
    started: float
    finished: float
    ended: float
    number: int
    attempt_path: int
    site: int
    replica: int
    caller: int
    outcome: int
    result: int
    notes: int

    @property
    def place(self) -> tuple[int, int]:
        """Its place in its request: the same in every run of a seed."""
        return self.site, self.attempt_path


class Half(NamedTuple):
    """One span: the caller's or the callee's half of a call."""

    site: int
    attempt_path: int
    server: bool


class Tree:
    """The calls of one request in one run; empty if the run does not make it."""

    def __init__(self, sites: list[CallSite], rows: list[tuple[Any, ...]]) -> None:
        self.rows = {row.place: row for row in map(Row._make, rows)}
        self._below: dict[tuple[int, int], list[Row]] = {}
        for row in self.rows.values():
            caller = caller_of(sites, row.place)
            if caller is not None:
                self._below.setdefault(caller, []).append(row)

    def root(self, sites: list[CallSite]) -> Row:
        """The user's own call."""
        return next(row for row in self.rows.values() if sites[row.site].parent is None)

    def get(self, row: Row) -> Row | None:
        """The same call here; None if it wasn't made."""
        return self.rows.get(row.place)

    def attempts(self, row: Row) -> dict[int, list[Row]]:
        """The calls that a call made: all attempts at each site, in order, by the site's index."""
        found: dict[int, list[Row]] = {}
        for below in sorted(self._below.get(row.place, ()), key=lambda call: (call.sent, call.attempt_path)):
            found.setdefault(below.site, []).append(below)
        return found


def parting(sites: list[CallSite], depths: list[int], fact: Tree, other: Tree) -> Half:
    """The span in which the two runs of a request first differ; both of them have it.

    Every time of every call is compared, bit by bit; the first that differs decides. Of differences at the same time,
    the deepest is the cause: a caller goes on at the very moment its callee's answer arrives. A request that is made in
    one run only differs from its entry on. Raises ValueError if the two runs of the request are equal.
    """
    if not other.rows:
        root = fact.root(sites)
        return Half(root.site, root.attempt_path, True)
    shared = fact.rows.keys() & other.rows.keys()
    return min(
        (time, -depths[half.site], order, half)
        for place in fact.rows.keys() | other.rows.keys()
        if place in shared or caller_of(sites, place) in shared
        for time, order, half in _differences(sites, place, fact.rows.get(place), other.rows.get(place))
    )[3]


def caller_of(sites: list[CallSite], place: tuple[int, int]) -> tuple[int, int] | None:
    """The place of the call that makes a call; None for the user's own."""
    site, attempt_path = place
    parent = sites[site].parent
    return None if parent is None else (parent.index, attempt_path >> ATTEMPT_BITS)


def _differences(
    sites: list[CallSite], place: tuple[int, int], a: Row | None, b: Row | None
) -> Iterator[tuple[float, int, Half]]:
    """When the two runs of a call differ, and in which span; includes the earliest difference.

    The numbers order differences at one moment: what comes earlier in a call's life first, and a call's end before the
    call that follows it.
    """
    client, server, caller = Half(*place, False), Half(*place, True), caller_of(sites, place)
    if caller is not None and (a is None or b is None or a.sent != b.sent):
        # Its caller's work decides whether a call is sent.
        yield min(row.sent for row in (a, b) if row is not None), 4, Half(*caller, True)
        return
    assert a is not None and b is not None
    for order, half, one, two in (
        # A call that arrives late or never is held up on the way: the caller's half shows it.
        (0, server if caller is None else client, (a.arrived, 0), (b.arrived, 0)),
        (1, server, (a.started, 0), (b.started, 0)),
        (2, server, (a.finished, a.outcome), (b.finished, b.outcome)),
        (3, client, (a.ended, a.result), (b.ended, b.result)),
    ):
        if one != two:
            yield min((time for time, _ in (one, two) if time >= 0), default=inf), order, half
