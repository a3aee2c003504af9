"""Internal spans: the wait for a worker, the pieces of the work, the wait for a connection.

Waits are those of the simulation, and so is the duration of the work. How the work splits into pieces is a pure
function of the span's id, by stick breaking: each piece takes a beta-distributed part of what the pieces before it left
(J. Sethuraman, "A constructive definition of Dirichlet priors", Statistica Sinica 4, 1994). The first parameter of the
distribution is 1, and the second follows from the mean. This takes no random draw of the run, and no other record of
the request depends on it.

A request's internal spans are made in columns once all its calls are over: only then is it known when the first call of
a handler was made and when the last one ended. A call to a database has a span around all its attempts, where the
instrumentation of the caller's stack has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import DECIDED
from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS
from meshquake.sim.telemetry.columns import Columns
from meshquake.sim.telemetry.ids import Words, mix, span_words
from meshquake.sim.telemetry.spans.instrumentation import Instrumentation, instrumentation, named
from meshquake.sim.telemetry.spans.spans import Mask, Spans, trace_words
from meshquake.sim.telemetry.tables import Floats, Ints, Tables, microseconds
from meshquake.sim.telemetry.texts import names
from meshquake.topology.spec import Service

if TYPE_CHECKING:
    from meshquake.sim.journal import Wait
    from meshquake.sim.mesh import Mesh

#: What distinguishes the ids of spans inside one span; pieces are numbered from `_PIECES` on.
_WAITING, _HANDLER, _CONNECTION, _STORE, _PIECES = 1, 2, 3, 4, 8
#: The causal order of spans that begin in the same microsecond at one service: the server half, spans inside it, the
#: span around a call to a store, the client half of an attempt, and spans inside that.
SERVER_HALF, IN_SERVER, AROUND_CALL, CLIENT_HALF, IN_CLIENT = range(5)
#: The number of these.
TURNS = 5


@dataclass
class Insides(Columns):
    """Internal spans, column by column.

    `start` and `end` are microseconds. `attempt_path` is that of the call that the process works on, `depth` the number
    of calls that led there. `turn` orders spans that begin at the same time (`SERVER_HALF` ...), `name` is a position
    in `Inside.names`, `word` the span's id and `parent` that of its parent.
    """

    start: Ints
    end: Ints
    site: Ints
    attempt_path: Ints
    number: Ints
    service: Ints
    incarnation: Ints
    code: Ints
    name: Ints
    depth: Ints
    turn: Ints
    word: Words
    parent: Words

    @classmethod
    def none(cls) -> Insides:
        """Return an empty table."""
        numbers = np.zeros(0, dtype=np.int64)
        words = np.zeros(0, dtype=np.uint64)
        columns: dict[str, Any] = {
            field.name: words if field.name in ("word", "parent") else numbers for field in fields(cls)
        }
        return cls(**columns)


def within(words: Words, place: int) -> Words:
    """Return the ids of spans at a place inside those with ids `words`: a bijection for each place."""
    return mix(words ^ np.uint64(0xA0761D6478BD642F * (place + 1) % 2**64))


class Inside:
    """Makes the internal spans of a mesh."""

    def __init__(self, mesh: Mesh, tables: Tables) -> None:
        self._tables = tables
        services = [service.spec for service in mesh.services.values()]
        found = [instrumentation(service) or Instrumentation() for service in services]
        #: Whether each service has internal spans.
        self.services: Mask = np.array([each != Instrumentation() for each in found])
        self._waiting: Mask = np.array([bool(each.waiting) for each in found])
        self._connection: Mask = np.array([bool(each.connection) for each in found])
        self._handler: Mask = np.array([bool(each.handler) for each in found])
        self._before = max((len(each.before) for each in found), default=0)
        self._after = max((len(each.after) for each in found), default=0)
        inner = max((len(each.inside) for each in found), default=0)
        # The largest number of pieces; one of them is the handler's own work, which has no span.
        self._own = self._before + inner
        self._count = self._own + 1 + self._after
        shares = np.zeros((len(found), self._count))
        for row, each in zip(shares, found, strict=True):
            row[: len(each.before)] = [piece.share for piece in each.before]
            row[self._before : self._before + len(each.inside)] = [piece.share for piece in each.inside]
            row[self._own] = each.own
            row[self._own + 1 : self._own + 1 + len(each.after)] = [piece.share for piece in each.after]
        first, last = shares.copy(), shares[:, self._own + 1 :]
        first[:, self._own + 1 :] = 0.0
        #: The average part that each piece takes of what is left: of all the work, of the work before the calls, and of
        #: the work after them.
        self._whole, self._first, self._last = _sticks(shares), _sticks(first), _sticks(last)
        self._name_spans(mesh, services, found)

    def _name_spans(self, mesh: Mesh, services: list[Service], found: list[Instrumentation]) -> None:
        """Make `names`: for each operation those of its pieces, waits and handler; then those of calls to stores."""
        texts: list[str | None] = []
        for service, each in zip(services, found, strict=True):
            pieces = [""] * self._count
            pieces[: len(each.before)] = [piece.name for piece in each.before]
            pieces[self._before : self._before + len(each.inside)] = [piece.name for piece in each.inside]
            pieces[self._own + 1 : self._own + 1 + len(each.after)] = [piece.name for piece in each.after]
            for operation in service.operations:
                texts += [
                    f"{service.name}.{named(template, service, operation)}" if template else None
                    for template in (*pieces, each.waiting, each.handler, each.connection)
                ]
        self._each = self._count + 3
        sites = mesh.sites
        self._store: Ints = np.full(len(sites), -1)
        for site in sites:
            caller = None if site.parent is None else site.parent.service
            if caller is None or site.service.spec.kind != "database" or not found[caller.index].store:
                continue
            operation = site.service.spec.operations[site.operation]
            name = named(found[caller.index].store, caller.spec, operation, site.service.spec.name)
            self._store[site.index] = len(texts)
            texts.append(f"{caller.spec.name}.{name}")
        self.names = names(texts)

    def __bool__(self) -> bool:
        return bool(self.services.any())

    def parents(self, spans: Spans, above: Words) -> Words:
        """Return the parents of some spans, given the halves above them: for a call, the handler that makes it."""
        caller = self._tables.site_service[self._tables.site_parent[spans.site]]
        parent = np.where(~spans.server & self._handler[caller], within(above, _HANDLER), above)
        to_store = ~spans.server & (self._store[spans.site] >= 0)
        return np.where(to_store, self._store_words(spans, above), parent)

    def of(self, spans: Spans, known: Spans) -> Insides:
        """Return the spans inside some halves of calls, except for waits for connections (`waits`).

        Parameters
        ----------
        spans
            Halves of calls, of requests that are over.
        known
            All halves of these requests that begin no earlier; may have others.
        """
        tables = self._tables
        owner = tables.site_service[spans.site]
        servers = spans.view(spans.server & self.services[owner])
        callers = tables.site_service[tables.site_parent[known.site]]
        calls = known.view(~known.server & self.services[callers])
        above = self._above(calls)
        parts = [*self._of_servers(servers, calls, above)]
        if (self._store >= 0).any():
            parts.append(self._of_stores(spans, calls, above))
        return sum(parts[1:], parts[0])

    def waits(self, waits: list[Wait]) -> Insides:
        """Return the spans of waits for connections."""
        tables = self._tables
        callers = [tables.site_service[tables.site_parent[each.call[0]]] for each in waits]
        waits = [each for each, caller in zip(waits, callers, strict=True) if self._connection[caller]]
        if not waits:
            return Insides.none()
        site, path, number, incarnation = np.array([each.call for each in waits], dtype=np.int64).T
        begun, over = np.array([(each.start, each.end) for each in waits]).T
        _, low = trace_words(tables, site, number)
        parent = span_words(low, tables.site_address[site], path, np.zeros(len(site), dtype=np.bool_))
        outer = tables.site_parent[site]
        return Insides(
            start=microseconds(begun),
            end=microseconds(over),
            site=site,
            attempt_path=path >> ATTEMPT_BITS,
            number=number,
            service=tables.site_service[outer],
            incarnation=incarnation,
            code=np.array([each.code for each in waits], dtype=np.int64),
            name=tables.site_operation[outer] * self._each + self._count + 2,
            depth=tables.site_depth[outer],
            turn=np.full(len(site), IN_CLIENT),
            word=within(parent, _CONNECTION),
            parent=parent,
        )

    def _above(self, calls: Spans) -> Words:
        """Return the ids of the server halves that made some calls."""
        tables = self._tables
        _, low = trace_words(tables, calls.site, calls.number)
        address = tables.site_address[tables.site_parent[calls.site]]
        path = calls.attempt_path >> ATTEMPT_BITS
        return span_words(low, address, path, np.ones(len(calls), dtype=np.bool_))

    # -- of a server ---------------------------------------------------------------------------------------------------

    def _of_servers(self, servers: Spans, calls: Spans, above: Words) -> Iterator[Insides]:
        tables = self._tables
        service = tables.site_service[servers.site]
        _, low = trace_words(tables, servers.site, servers.number)
        word = span_words(low, tables.site_address[servers.site], servers.attempt_path, servers.server)
        begun = servers.worked >= 0
        started = np.where(begun, servers.end - servers.worked, servers.end)
        base = tables.site_operation[servers.site] * self._each

        def spans(chosen: Mask, start: Ints, end: Ints, place: int, name: int, parent: Words, failed: bool) -> Insides:
            some = np.flatnonzero(chosen)
            own = servers.view(some)
            return Insides(
                start=start[some],
                end=end[some],
                site=own.site,
                attempt_path=own.attempt_path,
                number=own.number,
                service=service[some],
                incarnation=own.incarnation,
                code=own.code if failed else np.zeros(len(some), dtype=np.int64),
                name=base[some] + name,
                depth=tables.site_depth[own.site],
                turn=np.full(len(some), IN_SERVER),
                word=within(word[some], place),
                parent=parent[some],
            )

        waited = self._waiting[service] & (started > servers.start)
        # A request that never got a worker waited until its end, however it ended.
        yield spans(waited & begun, servers.start, started, _WAITING, self._count, word, False)
        yield spans(waited & ~begun, servers.start, servers.end, _WAITING, self._count, word, True)

        first, last = _around(word, calls, above)
        calling = first >= 0
        done = np.where(calling, first, servers.end)
        returned = np.where(calling, last, servers.end)
        # A request that fails doesn't get as far as writing an answer.
        sticks = np.where((calling | servers.failed)[:, None], self._first[service], self._whole[service])
        cuts = _broken(word, done - started, sticks) + started[:, None]
        handled = cuts[:, self._before]
        handler = within(word, _HANDLER)
        has = self._handler[service]
        parent = np.where(has, handler, word)
        yield spans(begun & has, handled, servers.end, _HANDLER, self._count + 1, word, True)
        for piece in range(self._count):
            if piece != self._own:
                start, end = cuts[:, piece], cuts[:, piece + 1]
                outer = word if piece < self._before else parent
                yield spans(begun & (end > start), start, end, _PIECES + piece, piece, outer, False)
        closing = begun & calling & ~servers.failed & (servers.end > returned)
        if self._after and closing.any():
            cuts = _broken(word, servers.end - returned, self._last[service]) + returned[:, None]
            for piece in range(self._after):
                start, end = cuts[:, piece], cuts[:, piece + 1]
                place = self._own + 1 + piece
                yield spans(closing & (end > start), start, end, _PIECES + place, place, parent, False)

    # -- of a store ----------------------------------------------------------------------------------------------------

    def _store_words(self, calls: Spans, above: Words) -> Words:
        """Return the ids of the spans around all attempts of the calls that some client halves belong to."""
        return mix(within(above, _STORE) ^ self._tables.site_address[calls.site])

    def _of_stores(self, spans: Spans, calls: Spans, above: Words) -> Insides:
        """Return the spans around those calls whose first attempts are among `spans`."""
        tables = self._tables
        to_store = self._store[calls.site] >= 0
        calls, above = calls.view(to_store), above[to_store]
        word = self._store_words(calls, above)
        # By call; the last of each is the attempt that decided the call.
        order = np.lexsort((calls.attempt_path, calls.end, (calls.notes & DECIDED) > 0, word))
        calls, above, word = calls.view(order), above[order], word[order]
        if not len(calls):
            return Insides.none()
        begins = np.flatnonzero(np.append(True, word[1:] != word[:-1]))
        lasts = np.append(begins[1:], len(word)) - 1
        start, end = np.minimum.reduceat(calls.start, begins), np.maximum.reduceat(calls.end, begins)
        fresh = spans.view(~spans.server & (self._store[spans.site] >= 0) & ((spans.attempt_path & ATTEMPT) == 0))
        chosen = np.isin(word[begins], self._store_words(fresh, self._above(fresh)))
        start, end, lasts = start[chosen], end[chosen], lasts[chosen]
        own, word, above = calls.view(lasts), word[lasts], above[lasts]
        service = tables.site_service[tables.site_parent[own.site]]
        return Insides(
            start=start,
            end=end,
            site=own.site,
            attempt_path=own.attempt_path >> ATTEMPT_BITS,
            number=own.number,
            service=service,
            incarnation=own.incarnation,
            code=own.code,
            name=self._store[own.site],
            depth=tables.site_depth[own.site] - 1,
            turn=np.full(len(word), AROUND_CALL),
            word=word,
            parent=np.where(self._handler[service], within(above, _HANDLER), above),
        )


def _around(words: Words, calls: Spans, above: Words) -> tuple[Ints, Ints]:
    """Return when the first call of each server half was made and when the last one ended; -1 without calls."""
    first = np.full(len(words), -1, dtype=np.int64)
    last = first.copy()
    if not len(calls) or not len(words):
        return first, last
    order = np.argsort(above)
    keys = above[order]
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    keys = keys[begins]
    place = np.minimum(np.searchsorted(keys, words), len(keys) - 1)
    found = keys[place] == words
    first[found] = np.minimum.reduceat(calls.start[order], begins)[place[found]]
    last[found] = np.maximum.reduceat(calls.end[order], begins)[place[found]]
    return first, last


def _sticks(shares: Floats) -> Floats:
    """Return, by row, the average part that each piece takes of what those before it left; the last takes all of it."""
    rest = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]
    parts: Floats = np.divide(shares, rest, out=np.zeros_like(shares), where=rest > 1e-9)
    return np.where(shares > 0, np.minimum(parts, 1.0), 0.0)


def _broken(words: Words, lengths: Ints, means: Floats) -> NDArray[np.int64]:
    """Break sticks of some lengths (microseconds): return one row of cuts per stick, from 0 to its length.

    Each piece takes a part of what is left; the part is beta-distributed with parameters (1, 1/mean - 1).
    """
    pieces = means.shape[1]
    cuts = np.zeros((len(words), pieces + 1), dtype=np.int64)
    rest = lengths.astype(np.float64)
    for piece in range(pieces):
        mean = means[:, piece]
        uniform = (within(words, _PIECES + piece) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        power = mean / np.where(mean < 1.0, 1.0 - mean, 1.0)
        rest = np.where(mean < 1.0, rest * (1.0 - uniform) ** power, 0.0)
        cuts[:, piece + 1] = lengths - np.ceil(rest).astype(np.int64)
    return cuts
