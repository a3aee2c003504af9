"""Spans as columns of numbers: the client half and the server half of each call."""

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

#: Bits of a span's notes beyond those of a row: the request left its sender; it reached the callee; an answer left the
#: callee; the answer was an error.
_LEFT, _REACHED, _ANSWERED, _REFUSED = 1 << 32, 1 << 33, 1 << 34, 1 << 35
#: Outcomes without an answer: the connection is gone, the callee was told that nobody waits, or it hadn't finished.
_RESET, _CANCELLED, _UNFINISHED = CODES["connection_reset"], CODES["cancelled"], CODES["unfinished"]

#: Whether an outcome is an error of the answering server itself, by code.
_OF_SERVER = np.array([error is not None and not error.of_request for error in BY_CODE])


@dataclass
class Spans(Columns):
    """A table of spans, column by column.

    `start` and `end` are microseconds, and so is `worked`, the time from the start of the work to the end (negative if
    the work never began). `incarnation` is the process that did the span, and `far` the one on the other side (-1 for
    none). For client halves, `network` is the longer of the times (microseconds) that request and answer were on their
    way, negative if neither is known. The properties are masks with an entry for each span, unless they say otherwise.
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
        """The duration of each span in milliseconds."""
        return (self.end - self.start) / 1000.0

    @property
    def worked_ms(self) -> Floats:
        """The milliseconds from the start of the work to the end; nan where the work never began."""
        return np.where(self.worked >= 0, self.worked / 1000.0, np.nan)

    @property
    def failed(self) -> Mask:
        """Spans that did not succeed."""
        return self.code > 0

    @property
    def at_fault(self) -> Mask:
        """Spans that failed, and not because of the request (`topology.errors.Error.of_request`)."""
        faulty: Mask = _OF_SERVER[self.code]
        return faulty

    @property
    def cancelled(self) -> Mask:
        """Spans that ended because nobody waited for them any more."""
        dropped: Mask = self.code == CODES["cancelled"]
        return dropped

    @property
    def rate_limited(self) -> Mask:
        """Spans that were turned away by a rate limit."""
        limited: Mask = self.code == CODES["rate_limited"]
        return limited

    @property
    def unfinished(self) -> Mask:
        """Spans still open when the simulation stopped following their requests; `end` is that moment."""
        never_ended: Mask = self.code == CODES["unfinished"]
        return never_ended

    @property
    def timed_out(self) -> Mask:
        """Spans that the caller gave up on."""
        gave_up: Mask = self.code == CODES["timeout"]
        return gave_up

    @property
    def retried(self) -> Mask:
        """Spans of attempts after the first that are not hedges."""
        return ((self.attempt_path & ATTEMPT) > 0) & ~self.hedged

    @property
    def hedged(self) -> Mask:
        """Spans of hedges: attempts after the first that may run in parallel with earlier ones."""
        return (self.notes & HEDGE) > 0

    @property
    def awaited(self) -> Mask:
        """Spans of requests of users whose next step depends on the answer."""
        return (self.notes & AWAITED) > 0

    @property
    def abandoned(self) -> Mask:
        """Spans of requests whose users didn't wait for the answer."""
        return (self.notes & ABANDONED) > 0

    @property
    def left(self) -> Mask:
        """Spans whose request left its sender, whether or not it arrived."""
        return (self.notes & _LEFT) > 0

    @property
    def reached(self) -> Mask:
        """Spans whose request reached the callee."""
        return (self.notes & _REACHED) > 0

    @property
    def answered(self) -> Mask:
        """Spans whose answer left the callee."""
        return (self.notes & _ANSWERED) > 0

    @property
    def refused(self) -> Mask:
        """Spans that were answered with an error, whatever the caller made of it."""
        return (self.notes & _REFUSED) > 0

    @property
    def swallowed(self) -> Mask:
        """Spans whose answer the network dropped."""
        return (self.notes & SWALLOWED) > 0

    @property
    def hit(self) -> Mask:
        """Spans of cache lookups that found something."""
        return (self.notes & HIT) > 0

    @property
    def missed(self) -> Mask:
        """Spans of cache lookups that found nothing."""
        return (self.notes & MISS) > 0


def spans_of(rows: bytes | bytearray) -> Spans:
    """Make the spans of packed rows (`sim.engine.call.ROW`): of each call, the halves that it has."""
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
    """Return what became of the messages of calls, as bits for the notes of their spans."""
    reached, outcome = rows["arrived"] >= 0, rows["outcome"]
    # A call dropped on its way ends as a reset connection (`engine.lost`).
    left = reached | (outcome == _RESET)
    answered = reached & (outcome != _RESET) & (outcome != _CANCELLED) & (outcome != _UNFINISHED)
    bits: Ints = left * _LEFT + reached * _REACHED + answered * _ANSWERED + (outcome > 0) * _REFUSED
    return bits


def _network(rows: NDArray[Any]) -> Ints:
    """Return the longer of the times (microseconds) that the request and the answer of each call were on their way.

    -1 where neither is known: the request waited before it was sent, or the caller no longer waited for the answer.
    """
    there = np.where((rows["arrived"] >= 0) & (rows["notes"] & WAITED == 0), rows["arrived"] - rows["sent"], -1.0)
    back = np.where(
        (rows["finished"] >= 0) & (rows["result"] == rows["outcome"]), rows["ended"] - rows["finished"], -1.0
    )
    longer: Ints = np.rint(np.maximum(there, back) * 1e6).astype(np.int64)
    return longer


def in_order(tables: Tables, spans: Spans, times: Ints) -> Ints:
    """Return the order of spans by `times`; ties by address, client halves before server halves, then as they were."""
    order = np.argsort(times, kind="stable")
    # Addresses matter only for ties: sorting everything by them takes four times as long.
    same = np.diff(times[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    some = order[tied]
    # Sites are numbered in the order of the mix, which is arbitrary; within one entry, in the order of calls.
    entry = tables.entry_high[tables.site_entry[spans.site[some]]]
    address = (spans.server[some], spans.attempt_path[some], spans.site[some], entry, spans.number[some])
    order[tied] = some[np.lexsort((*address, times[some]))]
    return order


def trace_words(tables: Tables, site: Ints, number: Ints) -> tuple[Words, Words]:
    """Return the two halves of the trace ids of calls."""
    entry = tables.site_entry[site]
    return request_words(tables.entry_high[entry], number), request_words(tables.entry_low[entry], number)


def ids(tables: Tables, site: Ints, attempt_path: Ints, number: Ints, server: Mask) -> tuple[Words, Words, Words]:
    """Return the trace ids (two words) and span ids of spans."""
    high, low = trace_words(tables, site, number)
    return high, low, span_words(low, tables.site_address[site], attempt_path, server)


def owner(tables: Tables, spans: Spans) -> Ints:
    """Return the service of each span: the site's for a server half, that of the site's parent for a client half."""
    caller = tables.site_service[tables.site_parent[spans.site]]
    return np.where(spans.server, tables.site_service[spans.site], caller)


def peer(tables: Tables, spans: Spans) -> Ints:
    """Return the service on the other side of each span; -1 for a user."""
    parent = tables.site_parent[spans.site]
    caller = np.where(parent >= 0, tables.site_service[parent], -1)
    return np.where(spans.server, caller, tables.site_service[spans.site])
