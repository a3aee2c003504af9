"""Log lines: those that services write about their spans, and all others.

A server half leaves a line at its end (answered, slow or failed), and a client half leaves one when it failed or when a
cache lookup missed. A service with a stack writes as that stack does: some products log nothing that goes well, and
some services log more, such as successful calls and their steps while they work on a request. Texts come from the
catalogue; the values in them are the span's own, so no line contradicts a trace.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import polars as pl

from meshquake.sim.engine.call import MISS, OUTRUN, RETRIED
from meshquake.sim.journal import Line
from meshquake.sim.records import LOG
from meshquake.sim.telemetry.ids import Words, hexadecimal
from meshquake.sim.telemetry.logs.callees import CALLEES, among
from meshquake.sim.telemetry.logs.catalogue import LogText, Remark, Voice, catalogue, remarks
from meshquake.sim.telemetry.logs.values import Values
from meshquake.sim.telemetry.logs.wordings import Wordings
from meshquake.sim.telemetry.requests.drawing import draws
from meshquake.sim.telemetry.requests.particulars import Particulars
from meshquake.sim.telemetry.spans.spans import Spans, ids, in_order, owner
from meshquake.sim.telemetry.tables import ERROR_NAMES, Ints, Tables, microseconds
from meshquake.sim.telemetry.texts import joined, lookup, names
from meshquake.topology.errors import CODES
from meshquake.topology.replay import Attributes

#: Names and values that need no quotes in logfmt.
_BARE = re.compile(r'[^\s="\\\x00-\x1f\x7f-\x9f]+')

#: The parts of a catalogue for failed attempts of a caller: the last attempt, one that is followed by a retry, and one
#: while others are still under way.
_CLIENT = ("gave_up", "retried", "hedged")


@dataclass
class Written(Spans):
    """Lines about spans: the span of each, its time (microseconds), and the position of its text."""

    at: Ints
    text: Ints

    @classmethod
    def of(cls, spans: Spans, at: Ints, text: Ints) -> Written:
        """Make one line for each span."""
        return cls(*[*(getattr(spans, field.name) for field in fields(Spans)), at, text])


class Lines:
    """Writes log records.

    The possible wordings of a span's line are looked up by numbers: by the service's voice and kind and by the outcome;
    for a client half also by what it calls, and by whether a retry follows, or other attempts are still under way.
    """

    def __init__(self, particulars: Particulars) -> None:
        tables = particulars.tables
        self._tables, self._particulars = tables, particulars
        self._values = Values(particulars)
        of_services = list(zip(tables.voices, tables.kinds, strict=True))
        voices = list(dict.fromkeys(of_services))
        self._voice = np.array([voices.index(voice) for voice in of_services], dtype=np.int64)
        books = {voice: catalogue(voice) for voice in tables.voices}
        self._slow_after = np.array([books[voice]["slow_after_ms"][kind] * 1000 for voice, kind in of_services])
        #: By service, whether the operation decides the wording, as in real code. Without a stack, the request does.
        self._by_code = np.array([voice.stack != "" for voice in tables.voices])
        texts = self._texts = Wordings()
        slow = len(ERROR_NAMES)  # one more column than there are outcomes
        self._server = np.zeros((len(voices), slow + 1, 2), dtype=np.int64)
        self._client = np.zeros((len(voices), len(_CLIENT), len(ERROR_NAMES), len(CALLEES), 2), dtype=np.int64)
        self._missed = np.zeros((len(voices), 2), dtype=np.int64)
        self._called = np.zeros((len(voices), len(CALLEES), 2), dtype=np.int64)
        self._callee = np.array([CALLEES.index(each) for each in tables.callees], dtype=np.int64)
        for position, (voice, kind) in enumerate(voices):
            book = books[voice]
            self._server[position, 0] = texts.add(_texts(book["handled"][kind]))
            self._server[position, slow] = texts.add(_texts(book["slow"][kind]))
            self._missed[position] = texts.add(_texts(book["missed"]))
            for peer, each in enumerate(CALLEES):
                self._called[position, peer] = texts.add(_texts(book.get("called", {}).get(each, [])))
            for code, error in enumerate(ERROR_NAMES[1:], start=1):
                wordings = book["failed"].get(error, book["failed"]["any"])
                self._server[position, code] = texts.add(_texts(wordings.get(kind, wordings["any"])))
                for follows, part in enumerate(_CLIENT):
                    said = {**book[part]["any"], **book[part].get(error, {})}
                    for peer, each in enumerate(CALLEES):
                        self._client[position, follows, code, peer] = texts.add(_texts(said[each]))
        # A caller that was killed writes nothing, and of what is still under way there is nothing to write yet.
        self._client[:, :, [CODES["cancelled"], CODES["unfinished"]]] = self._server[:, CODES["unfinished"]] = 0
        self._remarks = _Remarks(particulars, texts)
        texts.seal()

    def written(self, spans: Spans) -> Written:
        """Return the lines about spans, in no particular order."""
        _, _, word = ids(self._tables, spans.site, spans.attempt_path, spans.number, spans.server)
        text = self._choose(spans, word)
        last = np.flatnonzero(text >= 0)
        some = spans.where(last)
        # Code logs a successful call before it goes on, which may be at once; so the line is a microsecond earlier.
        early = ~some.server & (some.code == 0) & self._by_code[owner(self._tables, some)]
        lines = Written.of(some, some.end - (early & (some.end > some.start)), text[last])
        return self._remarks.written(spans) + lines if self._remarks else lines

    def frame(
        self, lines: Written, notices: list[Line], attributes: dict[int, Attributes] | None = None
    ) -> pl.DataFrame:
        """Make log records, in order of time, of lines about spans and of all others (`notices`).

        `lines` and `notices` cover the same period; the notices are in order already. `attributes` of replayed
        requests, by their numbers, are appended to the lines of the services that answer them, and then removed.
        """
        spans = lines.view(in_order(self._tables, lines, lines.at))
        at, text = spans.at, spans.text
        besides = self._besides(spans, attributes) if attributes else None
        high, low, word = ids(self._tables, spans.site, spans.attempt_path, spans.number, spans.server)
        message = self._texts.fill(text, lambda wanted: self._values.of(spans, wanted))
        records = pl.DataFrame(
            {
                "timestamp": self._tables.iso(at),
                "service": lookup(self._tables.service_names, owner(self._tables, spans)),
                "level": lookup(self._texts.levels, text),
                "message": message if besides is None else joined(message, besides),
                "trace_id": hexadecimal(high, low),
                "span_id": hexadecimal(word),
                "logger": lookup(self._texts.loggers, text),
                "replica": lookup(self._tables.replica_names, spans.incarnation),
            }
        )
        if not notices:
            return records
        times = microseconds(np.array([notice.time for notice in notices]))
        # Within a microsecond, notices come after lines about calls.
        both = np.argsort(np.concatenate([at, times]), kind="stable").astype(np.uint32)
        found = [records, self._noticed(notices, times)]
        return pl.concat(found, rechunk=True)[pl.Series(both)]

    def _besides(self, lines: Written, attributes: dict[int, Attributes]) -> pl.Series:
        """Return what access logs append to the lines at the ends of spans: attributes of replayed requests."""
        texts = [""] * len(lines)
        answered = lines.server & (self._tables.site_parent[lines.site] < 0) & (lines.at == lines.end)
        for position in np.flatnonzero(answered).tolist():
            known = attributes.pop(int(lines.number[position]), None)
            if known is not None:
                texts[position] = logfmt(known)
        return pl.Series(texts, dtype=pl.String)

    def _choose(self, spans: Spans, word: Words) -> Ints:
        """Return the position of the text of each span's last line; -1 for spans that leave none."""
        service = owner(self._tables, spans)
        slow = (spans.code == 0) & (spans.end - spans.start > self._slow_after[service])
        voice = self._voice[service]
        of_server = self._server[voice, np.where(slow, len(ERROR_NAMES), spans.code)]
        follows = np.where(spans.notes & RETRIED, 1, np.where(spans.notes & OUTRUN, 2, 0))
        callee = self._callee[self._tables.site_service[spans.site]]
        of_client = self._client[voice, follows, spans.code, callee]
        missed = np.where(spans.notes & MISS, 1, 0)[:, None]
        called = self._called[voice, callee]
        went_well = np.where(missed, self._missed[voice], called)
        of_client = np.where((spans.code == 0)[:, None], went_well, of_client)
        first, count = np.where(spans.server[:, None], of_server, of_client).T
        some = np.maximum(count, 1).astype(np.uint64)
        of_code = self._values.code[self._tables.site_operation[spans.site]]
        which = np.where(self._by_code[service], of_code, word) % some
        return np.where(count > 0, first + which.astype(np.int64), -1)

    def _noticed(self, notices: list[Line], times: Ints) -> pl.DataFrame:
        """Make records of lines that are not about spans."""
        of_call = np.array([notice.call or (0, 0, 0) for notice in notices], dtype=np.int64)
        # A caller's notice belongs to the client half; a user's request has only a server half.
        of_server = self._tables.site_parent[of_call[:, 0]] < 0
        high, low, word = ids(self._tables, of_call[:, 0], of_call[:, 2], of_call[:, 1], of_server)
        outside = pl.Series([notice.call is None for notice in notices])
        columns = {
            "timestamp": self._tables.iso(times),
            "service": names(notice.service for notice in notices),
            "level": names(notice.text.level for notice in notices),
            "message": names(notice.message for notice in notices),
            "trace_id": hexadecimal(high, low).set(outside, None),
            "span_id": hexadecimal(word).set(outside, None),
            "logger": names(notice.text.logger for notice in notices),
            "replica": names(notice.replica for notice in notices),
        }
        return pl.DataFrame({name: columns[name] for name in LOG.names})


#: Lines with `at` below `_DONE` are written early on, at that share of `_ON_THE_WAY` (microseconds) after work begins.
_DONE, _ON_THE_WAY = 0.5, 2000


class _Remarks:
    """The lines about requests other than the one at the end, looked up by operation.

    All requests of an operation have the lines of its topic, and at most one of the others, by its share. Lines with
    `at` below 0.5 are written soon after work on a request begins, whatever becomes of it. The others say what was done
    and are written at the end, if all went well. So no line depends on the future.
    """

    def __init__(self, particulars: Particulars, texts: Wordings) -> None:
        tables = self._tables = particulars.tables
        self._particulars = particulars
        position: dict[tuple[Voice, Remark], int] = {}
        called = _called(tables)
        always, some = [], []
        self._concerned = np.zeros(len(tables.operations), dtype=np.bool_)
        for operation, words in enumerate(particulars.words):
            service = tables.services.index(words.service)
            voice = tables.voices[service]
            # A gateway only passes requests on.
            topic = "work" if tables.kinds[service] == "gateway" else words.topic
            said = remarks(voice, topic) if voice.stack else ()
            said = tuple(each for each in said if among(each.calls, called[operation]))
            for each in said:
                if (voice, each) not in position:
                    position[voice, each] = texts.add([each.log])[0]
            always.append([(position[voice, each], each) for each in said if each.share == 1])
            some.append([(position[voice, each], each) for each in said if each.share < 1])
            self._concerned[operation] = bool(said)
        self._always = _table(((text for text, _ in each) for each in always), -1, np.int64)
        self._always_at = _table(((remark.at for _, remark in each) for each in always), 0.0, np.float64)
        self._some = _table(((text for text, _ in each) for each in some), -1, np.int64)
        self._some_at = _table(((remark.at for _, remark in each) for each in some), 0.0, np.float64)
        most = self._some.shape[1] - 1
        self._upto = _table(
            (np.cumsum([remark.share for _, remark in each]).tolist() for each in some), 2.0, np.float64
        )[:, :most]

    def __bool__(self) -> bool:
        return bool(self._concerned.any())

    def written(self, spans: Spans) -> Written:
        """Return these lines for some spans."""
        at_work = spans.server & (spans.worked >= 0) & self._concerned[self._tables.site_operation[spans.site]]
        spans = spans.view(at_work)
        operation = self._tables.site_operation[spans.site]
        work = self._particulars.about(spans).work
        # The last column stands for no line.
        chosen = (draws(work, "remark")[:, None] >= self._upto[operation]).sum(axis=1)
        text = np.concatenate([self._always[operation], self._some[operation, chosen][:, None]], axis=1)
        share = np.concatenate([self._always_at[operation], self._some_at[operation, chosen][:, None]], axis=1)
        there = (text >= 0) & ((spans.code == 0)[:, None] | (share < _DONE))
        span, place = np.nonzero(there)
        begun, share, end = (spans.end - spans.worked)[span], share[span, place], spans.end[span]
        at = np.where(share < _DONE, np.minimum(begun + (share * _ON_THE_WAY).astype(np.int64), end), end)
        return Written.of(spans.where(span), at, text[span, place])


def _called(tables: Tables) -> dict[int, set[str]]:
    """Return what each operation may call, as callees."""
    below = np.flatnonzero(tables.site_parent >= 0)
    by = tables.site_operation[tables.site_parent[below]]
    found: dict[int, set[str]] = defaultdict(set)
    for operation, service in np.unique(np.stack([by, tables.site_service[below]]), axis=1).T.tolist():
        found[operation].add(tables.callees[service])
    return found


def _table(rows: Iterable[Iterable[Any]], empty: Any, dtype: Any) -> Any:
    """Make a table of rows of unequal length, with one column more than the longest row."""
    listed = [list(row) for row in rows]
    table = np.full((len(listed), 1 + max([0, *(len(row) for row in listed)])), empty, dtype=dtype)
    for position, row in enumerate(listed):
        table[position, : len(row)] = row
    return table


def _texts(wordings: Any) -> list[LogText]:
    """Return the texts of one wording, or of a list of them."""
    return [
        LogText(each["level"], each["logger"], each["text"])
        for each in (wordings if isinstance(wordings, list) else [wordings])
    ]


def logfmt(attributes: Attributes) -> str:
    """Format attributes as logfmt to append to a text: ` user.id=17 agent="curl 8"`, quoted as in JSON if needed."""
    return "".join(f" {_field(name)}={_field(value)}" for name, value in attributes.items())


def _field(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
