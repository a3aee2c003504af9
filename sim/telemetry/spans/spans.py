"""Spans: the client half and the server half of each call, as columns of numbers, then as trace records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import ABANDONED, AWAITED, HEDGE, HIT, MISS, ROW, SWALLOWED, WAITED
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.telemetry.columns import Columns
from meshquake.sim.telemetry.ids import Words, request_words, span_words
from meshquake.sim.telemetry.tables import Floats, Ints, Tables, microseconds
from meshquake.topology.errors import BY_CODE, CODES

Mask = NDArray[np.bool_]

#: Bits of a span's notes beyond those of a row: the request left its sender, and reached the callee; an answer left the
#: callee, and it was an error.
_LEFT, _REACHED, _ANSWERED, _REFUSED = 1 << 32, 1 << 33, 1 << 34, 1 << 35
#: How a callee ends what it does not answer: its process is gone, or it was told that nobody waits.
_RESET, _CANCELLED, _UNFINISHED = CODES["connection_reset"], CODES["cancelled"], CODES["unfinished"]

#: Whether an outcome is an error of the server that answers so, by its code.
_OF_SERVER = np.array([error is not None and not error.of_request for error in BY_CODE])


@dataclass
class Spans(Columns):
    """A table of spans, column by column, all of one length.

    `start` and `end` are microseconds, and so is `worked`, the time from the start of the work to the end (negative if
    it never began); `incarnation` is the process that did it, and `far` the one on the other side (-1 for none). Of the
    client's half, `network` is the longer time that request or answer was on its way (negative where neither
    is known).
    """

    start: Ints
    end: Ints
    worked: Ints
    network: Ints
    site: Ints
    attempt_path: Ints
    number: Ints
    server: Mask
    incarnation: Ints
    code: Ints
    notes: Ints
    far: Ints

    @property
    def duration_ms(self) -> Floats:
        """The length of each in milliseconds."""
        return (self.end - self.start) / 1000.0

    @property
    def worked_ms(self) -> Floats:
        """The milliseconds from the start of the work to the end; nan where it never began."""
        return np.where(self.worked >= 0, self.worked / 1000.0, np.nan)

    @property
    def failed(self) -> Mask:
        """Which did not succeed."""
        return self.code > 0

    @property
    def at_fault(self) -> Mask:
        """Which did not succeed, and not because of what was asked of them (`topology.errors.Error.of_request`)."""
        faulty: Mask = _OF_SERVER[self.code]
        return faulty

    @property
    def cancelled(self) -> Mask:
        """Which ended because nobody waited for them any more."""
        dropped: Mask = self.code == CODES["cancelled"]
        return dropped

    @property
    def rate_limited(self) -> Mask:
        """Which were turned away by a rate limit."""
        limited: Mask = self.code == CODES["rate_limited"]
        return limited

    @property
    def unfinished(self) -> Mask:
        """Which had not ended when their requests were followed no more; where they end is how far they are known."""
        never_ended: Mask = self.code == CODES["unfinished"]
        return never_ended

    @property
    def timed_out(self) -> Mask:
        """Which the caller gave up on."""
        gave_up: Mask = self.code == CODES["timeout"]
        return gave_up

    @property
    def retried(self) -> Mask:
        """Which are of an attempt after the first that is no hedge."""
        return ((self.attempt_path & ATTEMPT) > 0) & ~self.hedged

    @property
    def hedged(self) -> Mask:
        """Which are of a hedge: an attempt after the first that may be under way beside those before."""
        return (self.notes & HEDGE) > 0

    @property
    def awaited(self) -> Mask:
        """Which are requests of users who do next what depends on their answers."""
        return (self.notes & AWAITED) > 0

    @property
    def abandoned(self) -> Mask:
        """Which are requests whose users didn't wait for the answers."""
        return (self.notes & ABANDONED) > 0

    @property
    def left(self) -> Mask:
        """Which had a request that left its sender, whether or not it got anywhere."""
        return (self.notes & _LEFT) > 0

    @property
    def reached(self) -> Mask:
        """Which had a request that reached the callee."""
        return (self.notes & _REACHED) > 0

    @property
    def answered(self) -> Mask:
        """Which had an answer that left the callee."""
        return (self.notes & _ANSWERED) > 0

    @property
    def refused(self) -> Mask:
        """Which were answered with an error, whatever their callers made of it."""
        return (self.notes & _REFUSED) > 0

    @property
    def swallowed(self) -> Mask:
        """Which had an answer that the network swallowed."""
        return (self.notes & SWALLOWED) > 0

    @property
    def hit(self) -> Mask:
        """Which are of a lookup that found something."""
        return (self.notes & HIT) > 0

    @property
    def missed(self) -> Mask:
        """Which are of a lookup that found nothing."""
        return (self.notes & MISS) > 0


def spans_of(rows: bytes | bytearray) -> Spans:
    """The spans of packed rows (`sim.engine.call.ROW`), both halves of each call that has them."""
    table = np.frombuffer(bytes(rows), dtype=ROW)
    notes = table["notes"] | _journey(table)
    has_server, has_client = table["arrived"] >= 0, table["ended"] >= 0
    server, client = table[has_server], table[has_client]
    finished = microseconds(server["finished"])
    worked = np.where(server["started"] >= 0, finished - microseconds(server["started"]), -1)
    site = np.concatenate([client["site"], server["site"]]).astype(np.int64)
    return Spans(
        start=microseconds(np.concatenate([client["sent"], server["arrived"]])),
        end=np.concatenate([microseconds(client["ended"]), finished]),
        worked=np.concatenate([np.full(len(client), -1), worked]),
        network=np.concatenate([_network(client), np.full(len(server), -1)]),
        site=site,
        attempt_path=np.concatenate([client["attempt_path"], server["attempt_path"]]),
        number=np.concatenate([client["number"], server["number"]]),
        server=np.arange(len(site)) >= len(client),
        incarnation=np.concatenate([client["caller"], server["replica"]]).astype(np.int64),
        code=np.concatenate([client["result"], server["outcome"]]).astype(np.int64),
        notes=np.concatenate([notes[has_client], notes[has_server]]),
        far=np.concatenate([client["replica"], server["caller"]]).astype(np.int64),
    )


def _journey(rows: NDArray[Any]) -> Ints:
    """What became of the messages of calls, as bits of their spans' notes."""
    reached, outcome = rows["arrived"] >= 0, rows["outcome"]
    # A call that was dropped on its way ends as a connection that is gone (`engine.lost`).
    left = reached | (outcome == _RESET)
    answered = reached & (outcome != _RESET) & (outcome != _CANCELLED) & (outcome != _UNFINISHED)
    bits: Ints = left * _LEFT + reached * _REACHED + answered * _ANSWERED + (outcome > 0) * _REFUSED
    return bits


def _network(rows: NDArray[Any]) -> Ints:
    """The longer of the times (microseconds) that requests and answers of calls were on their way.

    What waited before it was sent is not known to the microsecond, nor is what nobody waited for any more.
    """
    there = np.where((rows["arrived"] >= 0) & (rows["notes"] & WAITED == 0), rows["arrived"] - rows["sent"], -1.0)
    back = np.where(
        (rows["finished"] >= 0) & (rows["result"] == rows["outcome"]), rows["ended"] - rows["finished"], -1.0
    )
    longer: Ints = np.rint(np.maximum(there, back) * 1e6).astype(np.int64)
    return longer


def in_order(tables: Tables, spans: Spans, times: Ints) -> Ints:
    """The positions of spans by `times`; ties by address, a caller's half before the callee's, then as they were."""
    order = np.argsort(times, kind="stable")
    # Their addresses are looked at only where times are the same: to sort all by them takes four times as long.
    same = np.diff(times[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    some = order[tied]
    # Sites are numbered by the order of the mix, which says nothing; within one entry it's that of the calls.
    entry = tables.entry_high[tables.site_entry[spans.site[some]]]
    address = (spans.server[some], spans.attempt_path[some], spans.site[some], entry, spans.number[some])
    order[tied] = some[np.lexsort((*address, times[some]))]
    return order


def trace_words(tables: Tables, site: Ints, number: Ints) -> tuple[Words, Words]:
    """The two halves of the trace ids of calls."""
    entry = tables.site_entry[site]
    return request_words(tables.entry_high[entry], number), request_words(tables.entry_low[entry], number)


def ids(tables: Tables, site: Ints, attempt_path: Ints, number: Ints, server: Mask) -> tuple[Words, Words, Words]:
    """The trace ids (two words) and span ids of spans."""
    high, low = trace_words(tables, site, number)
    return high, low, span_words(low, tables.site_address[site], attempt_path, server)


def owner(tables: Tables, spans: Spans) -> Ints:
    """The service that did each span: the callee's half belongs to the site's service, the caller's to its parent's."""
    caller = tables.site_service[tables.site_parent[spans.site]]
    return np.where(spans.server, tables.site_service[spans.site], caller)


def peer(tables: Tables, spans: Spans) -> Ints:
    """The service on the other side; -1 where that is a user."""
    parent = tables.site_parent[spans.site]
    caller = np.where(parent >= 0, tables.site_service[parent], -1)
    return np.where(spans.server, caller, tables.site_service[spans.site])
