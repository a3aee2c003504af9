"""Log lines: what each span's service wrote about it, and what processes wrote besides.

A server half leaves one line (answered, slow or failed), a client half one when it failed or when a cache lookup
missed. Texts come from the catalogue; the values in them are the span's own, so no line contradicts a trace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import polars as pl

from meshquake.sim.engine.call import MISS, OUTRUN, RETRIED
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.journal import Line
from meshquake.sim.records import LOG
from meshquake.sim.telemetry.catalogue import FIELD, catalogue
from meshquake.sim.telemetry.ids import Words, hexadecimal
from meshquake.sim.telemetry.spans import Spans, ids, in_order, owner, peer
from meshquake.sim.telemetry.tables import ERROR_NAMES, STATUS_CODES, Floats, Ints, Tables, lookup, microseconds, names
from meshquake.topology.errors import CODES
from meshquake.topology.replay import Attributes

#: What needs no quotes.
_BARE = re.compile(r'[^\s="\\\x00-\x1f\x7f-\x9f]+')

#: The parts of a catalogue with what a caller writes of an attempt that failed: the last one, one that another follows,
#: and one beside which others go on.
_CLIENT = ("gave_up", "retried", "hedged")


@dataclass(frozen=True)
class Text:
    """One wording. `pieces` alternates between literal text and the name of a value."""

    level: str
    logger: str
    pieces: tuple[str, ...]


class _Texts:
    """Wordings put one after another, so that a choice among some of them is a range of positions."""

    def __init__(self) -> None:
        self.all: list[Text] = []

    def add(self, wordings: Any) -> tuple[int, int]:
        """Take in one wording or a list of them; returns the position of the first and how many there are."""
        first = len(self.all)
        for each in wordings if isinstance(wordings, list) else [wordings]:
            self.all.append(Text(each["level"], each["logger"], tuple(FIELD.split(each["text"]))))
        return first, len(self.all) - first


class Lines:
    """Writes log records.

    Which wordings a span may get is looked up by numbers: by the voice of the service (its catalogue and its kind) and
    the outcome, for a client half also by whether another attempt follows, or others go on.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        books = {each: catalogue(*each) for each in tables.catalogues}
        texts = _Texts()
        of_services = list(zip(tables.catalogues, tables.kinds, strict=True))
        voices = list(dict.fromkeys(of_services))
        self._voice = np.array([voices.index(voice) for voice in of_services], dtype=np.int64)
        self._slow_after = np.array([books[name]["slow_after_ms"][kind] * 1000 for name, kind in of_services])
        slow = len(ERROR_NAMES)  # one more column than there are outcomes
        self._server = np.zeros((len(voices), slow + 1, 2), dtype=np.int64)
        self._client = np.zeros((len(voices), len(_CLIENT), len(ERROR_NAMES), 2), dtype=np.int64)
        self._missed = np.zeros((len(voices), 2), dtype=np.int64)
        for voice, (book, kind) in enumerate((books[name], kind) for name, kind in voices):
            self._server[voice, 0] = texts.add(book["handled"][kind])
            self._server[voice, slow] = texts.add(book["slow"][kind])
            self._missed[voice] = texts.add(book["missed"])
            for code, error in enumerate(ERROR_NAMES[1:], start=1):
                wordings = book["failed"].get(error, book["failed"]["any"])
                self._server[voice, code] = texts.add(wordings.get(kind, wordings["any"]))
                for follows, part in enumerate(_CLIENT):
                    self._client[voice, follows, code] = texts.add(book[part].get(error, book[part]["any"]))
        # A process that was killed writes nothing, and one that still waits or works has nothing to write yet.
        self._client[:, :, [CODES["cancelled"], CODES["unfinished"]]] = self._server[:, CODES["unfinished"]] = 0
        self._texts = texts.all
        self._levels = names(text.level for text in texts.all)
        self._loggers = names(text.logger for text in texts.all)

    def frame(self, spans: Spans, notices: list[Line], attributes: dict[int, Attributes] | None = None) -> pl.DataFrame:
        """Log records of spans (each line at the span's end) and of what processes wrote, in order of time.

        `spans` and `notices` are of the same stretch of time; the notices are in order already. `attributes` of users'
        requests, by their numbers, are added to the lines of those who answer them, and taken from there.
        """
        spans = in_order(spans, spans.end)
        fields = self._fields(spans, attributes) if attributes else None
        high, low, word = ids(self._tables, spans.site, spans.attempt_path, spans.number, spans.server)
        text = self._choose(spans, word)
        written = text >= 0
        spans, high, low, word, text = spans.where(written), high[written], low[written], word[written], text[written]
        message = self._messages(spans, text)
        lines = pl.select(
            timestamp=self._tables.iso(spans.end),
            service=lookup(self._tables.service_names, owner(self._tables, spans)),
            level=lookup(self._levels, text),
            message=message if fields is None else pl.concat_str(message, pl.lit(fields.filter(pl.Series(written)))),
            trace_id=hexadecimal(high, low),
            span_id=hexadecimal(word),
            logger=lookup(self._loggers, text),
            replica=lookup(self._tables.replica_names, spans.incarnation),
        )
        if not notices:
            return lines
        times = microseconds(np.array([notice.time for notice in notices]))
        # What a process writes besides comes after what it writes of calls in the same microsecond.
        order = np.argsort(np.concatenate([spans.end, times]), kind="stable").astype(np.uint32)
        return pl.concat([lines, self._noticed(notices, times)])[order]

    def _fields(self, spans: Spans, attributes: dict[int, Attributes]) -> pl.Series:
        """What access logs add to the lines of spans: the attributes of users' requests, as fields."""
        fields = [""] * len(spans)
        for position in np.flatnonzero(spans.server & (self._tables.site_parent[spans.site] < 0)).tolist():
            known = attributes.pop(int(spans.number[position]), None)
            if known is not None:
                fields[position] = logfmt(known)
        return pl.Series(fields, dtype=pl.String)

    def _choose(self, spans: Spans, word: Words) -> Ints:
        """The position of each span's text; -1 for those that leave no line."""
        service = owner(self._tables, spans)
        slow = (spans.code == 0) & (spans.end - spans.start > self._slow_after[service])
        voice = self._voice[service]
        of_server = self._server[voice, np.where(slow, len(ERROR_NAMES), spans.code)]
        follows = np.where(spans.notes & RETRIED, 1, np.where(spans.notes & OUTRUN, 2, 0))
        of_client = self._client[voice, follows, spans.code]
        missed = (spans.code == 0) & ((spans.notes & MISS) > 0)
        of_client = np.where(missed[:, None], self._missed[voice], of_client)
        first, count = np.where(spans.server[:, None], of_server, of_client).T
        some = np.maximum(count, 1)
        return np.where(count > 0, first + (word % some.astype(np.uint64)).astype(np.int64), -1)

    def _messages(self, spans: Spans, text: Ints) -> pl.Expr:
        """The messages of spans, made text by text and put back in their order."""
        if not len(text):
            return pl.lit(pl.Series(dtype=pl.String))
        order = np.argsort(text, kind="stable")
        starts = np.flatnonzero(np.diff(text[order], prepend=-1))
        parts = []
        for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
            some = order[begin:end]
            of_text = spans.where(some)
            pieces = self._texts[int(text[some[0]])].pieces
            parts.append(
                pl.concat_str(
                    [
                        _VALUES[piece](self._tables, of_text) if i % 2 else pl.lit(piece)
                        for i, piece in enumerate(pieces)
                    ]
                )
            )
        back = np.empty(len(order), dtype=np.uint32)
        back[order] = np.arange(len(order), dtype=np.uint32)
        return reduce(pl.Expr.append, parts).gather(pl.lit(pl.Series(back)))

    def _noticed(self, notices: list[Line], times: Ints) -> pl.DataFrame:
        """Records of what processes wrote besides requests."""
        of_call = np.array([notice.call or (0, 0, 0) for notice in notices], dtype=np.int64)
        # What a caller notes belongs to its half; a user's request has the server's alone.
        of_server = self._tables.site_parent[of_call[:, 0]] < 0
        high, low, word = ids(self._tables, of_call[:, 0], of_call[:, 2], of_call[:, 1], of_server)
        inside = pl.Series([notice.call is not None for notice in notices])
        return pl.select(
            timestamp=self._tables.iso(times),
            service=pl.Series([notice.service for notice in notices]),
            level=pl.Series([notice.text.level for notice in notices]),
            message=pl.Series([notice.message for notice in notices]),
            trace_id=pl.when(inside).then(hexadecimal(high, low)),
            span_id=pl.when(inside).then(hexadecimal(word)),
            logger=pl.Series([notice.text.logger for notice in notices]),
            replica=pl.Series([notice.replica for notice in notices], dtype=pl.String),
        ).select(LOG.names)


def logfmt(attributes: Attributes) -> str:
    """Attributes as fields behind a text, as in ` user.id=17 agent="curl 8"`: quoted as JSON is where need be."""
    return "".join(f" {_field(name)}={_field(value)}" for name, value in attributes.items())


def _field(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _number(values: Ints | Floats) -> pl.Expr:
    return pl.lit(pl.Series(values)).cast(pl.String)


def _timeout(tables: Tables, spans: Spans) -> pl.Expr:
    """How long callers waited: until the timeout of the edge, or until a deadline that may come before."""
    edge = tables.site_edge[spans.site]
    fixed = lookup(tables.timeouts_ms, edge)
    if not tables.has_deadline[edge].any():
        return fixed
    waited = _number(np.round((spans.end - spans.start) / 1000.0, 1))
    return pl.when(pl.lit(pl.Series(tables.has_deadline[edge]))).then(waited).otherwise(fixed)


#: The values that texts may name, for some spans, as columns of strings.
_VALUES: dict[str, Callable[[Tables, Spans], pl.Expr]] = {
    "operation": lambda tables, spans: lookup(tables.operations, tables.site_operation[spans.site]),
    "service": lambda tables, spans: lookup(tables.service_names, owner(tables, spans)),
    "peer": lambda tables, spans: lookup(names([*tables.services, "user"]), peer(tables, spans)),
    "duration_ms": lambda _, spans: _number(np.round((spans.end - spans.start) / 1000.0, 1)),
    "status_code": lambda _, spans: _number(STATUS_CODES[spans.code]),
    "attempt": lambda _, spans: _number((spans.attempt_path & ATTEMPT) + 1),
    "version": lambda tables, spans: lookup(tables.versions, spans.incarnation),
    "replica": lambda tables, spans: lookup(tables.replica_names, spans.incarnation),
    "limit": lambda tables, spans: _number(tables.queue_limit[owner(tables, spans)]),
    "workers": lambda tables, spans: _number(tables.workers[owner(tables, spans)]),
    "timeout_ms": lambda tables, spans: _timeout(tables, spans),
}
