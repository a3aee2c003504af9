"""Values for the placeholders of texts, for some spans, as columns.

A value is the span's own (`duration_ms`, `peer`), or what its request is about (`particulars.py`), or a name in code
(`handler`), or drawn. A draw belongs to the work of one server on one request, so all lines of that work agree. A draw
that belongs to the code (a class that throws, a setting) is the same whenever the operation writes the line.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.telemetry.ids import mix
from meshquake.sim.telemetry.logs.code_lines import NAMES as CODE_LINES
from meshquake.sim.telemetry.logs.code_lines import CodeLines
from meshquake.sim.telemetry.requests import operation_words
from meshquake.sim.telemetry.requests.drawing import WORDS, Rule, drawn, spread, unit
from meshquake.sim.telemetry.requests.particulars import PARTICULARS, About, Particulars
from meshquake.sim.telemetry.spans.spans import Spans, owner, peer
from meshquake.sim.telemetry.tables import STATUS_CODES, Floats, Ints, Tables
from meshquake.sim.telemetry.texts import joined, lookup, names, padded, stacked
from meshquake.topology.addresses import address
from meshquake.topology.errors import ERRORS


class Values:
    """Makes the columns of values.

    Parameters
    ----------
    particulars
        The particulars of the mesh.
    """

    def __init__(self, particulars: Particulars) -> None:
        self._particulars = particulars
        tables = particulars.tables
        #: Names of services (`user` is the last) and of operations, in the styles of code.
        others = [*tables.services, "user"]
        self.services = names(others)
        self.packages = names(operation_words.snake(operation_words.subject(name)) for name in others)
        self.classes = names(operation_words.pascal(name) for name in others)
        operations = tables.operations.to_list()
        self.camel = names(operation_words.camel(name) for name in operations)
        self.snake = names(operation_words.snake(name) for name in operations)
        self.pascal = names(operation_words.pascal(name) for name in operations)
        #: A word of each operation, which keys the draws that belong to its code.
        words = [address(0, "code", name) % 2**64 for name in tables.service_operations.to_list()]
        self.code = np.array(words, dtype=np.uint64)
        made = np.flatnonzero(tables.site_parent >= 0)
        self.code_lines = CodeLines(
            tables.service_operations.to_list(),
            self.code,
            tables.site_operation[tables.site_parent[made]],
            tables.site_operation[made],
        )

    def of(self, spans: Spans, wanted: list[tuple[str, Ints]]) -> list[pl.Series]:
        """Return columns of values, in the order of `wanted`; those of drawn values may be joined.

        Parameters
        ----------
        wanted
            Names of values, each with the positions of the spans that need it; drawn values come last.
        """
        about = self._particulars.about(spans)
        told = [(name, some) for name, some in wanted if not drawn(name)]
        columns = [self._column(name, about.where(some)).cast(pl.String) for name, some in told]
        rest = wanted[len(told) :]
        return [*columns, *self._draws(about, rest)] if rest else columns

    def _column(self, name: str, about: About) -> pl.Series:
        if name in _OF_SPANS:
            return _OF_SPANS[name](self, about)
        if name in CODE_LINES:
            return self.code_lines.column(name, self.handled(about), about.operation)
        return about[name] if name in PARTICULARS else _OF_CODE[name](self, about)

    def handled(self, about: About) -> Ints:
        """Return the operation that each span's service works on: its own, or for a client half the caller's."""
        tables, spans = about.tables, about.spans
        return tables.site_operation[np.where(spans.server, spans.site, tables.site_parent[spans.site])]

    def _draws(self, about: About, wanted: list[tuple[str, Ints]]) -> list[pl.Series]:
        """Return drawn values in one column, made together by number of decimals: few lines need any one of them."""
        rules = [Rule.of(name) for name, _ in wanted]
        counts = np.array([len(some) for _, some in wanted])
        which = np.repeat(np.arange(len(rules)), counts)
        lines = np.concatenate([some for _, some in wanted])
        of_code = np.array([rule.of_code for rule in rules])[which]
        words = about.work[lines]
        code = lines[of_code]
        words[of_code] = self.code[self.handled(about.where(code))]
        purposes = np.array([rule.purpose for rule in rules], dtype=np.uint64)
        uniforms = unit(mix(words ^ purposes[which]))
        digits = np.array([rule.digits for rule in rules])[which]
        back, parts, made = np.empty(len(lines), dtype=np.uint32), [], 0
        for places in np.unique(digits).tolist():
            some = np.flatnonzero(digits == places)
            u, rule = uniforms[some], which[some]
            if places == WORDS:
                texts = names(word for each in rules for word in each.words)
                first = np.cumsum([0, *(len(each.words) for each in rules)])
                parts.append(lookup(texts, first[rule] + (u * np.diff(first)[rule]).astype(np.int64)))
            else:
                low, high = (np.array([getattr(each, end) for each in rules])[rule] for end in ("low", "high"))
                parts.append(number(spread(u, low, high), places))
            back[some] = np.arange(made, made + len(some), dtype=np.uint32)
            made += len(some)
        return [stacked(parts)[pl.Series(back)]]


def number(values: Floats, digits: int) -> pl.Series:
    """Format numbers with `digits` decimals."""
    if not digits:
        return _number(np.round(values).astype(np.int64))
    scaled = np.round(values * 10**digits).astype(np.int64)
    whole, part = np.divmod(np.abs(scaled), 10**digits)
    return joined(lookup(_SIGNS, scaled < 0), _number(whole), ".", padded(part, digits))


def _number(values: Ints | Floats) -> pl.Series:
    return pl.Series(values).cast(pl.String)


def _timeout(tables: Tables, spans: Spans) -> pl.Series:
    """Return how long callers waited: until the timeout of the edge, or until an earlier deadline."""
    edge = tables.site_edge[spans.site]
    fixed = lookup(tables.timeouts_ms, edge)
    if not tables.has_deadline[edge].any():
        return fixed
    waited = _number(np.round((spans.end - spans.start) / 1000.0, 1))
    return waited.zip_with(pl.Series(tables.has_deadline[edge]), fixed)


_Column = Callable[[Values, About], pl.Series]
_OF_SPANS: dict[str, _Column] = {
    "operation": lambda _, about: lookup(about.tables.operations, about.operation),
    "service": lambda own, about: lookup(own.services, owner(about.tables, about.spans)),
    "peer": lambda own, about: lookup(own.services, peer(about.tables, about.spans)),
    "duration_ms": lambda _, about: _number(np.round((about.spans.end - about.spans.start) / 1000.0, 1)),
    "status_code": lambda _, about: lookup(_STATUS, about.spans.code),
    "grpc_status": lambda _, about: lookup(_GRPC_STATUS, about.spans.code),
    "attempt": lambda _, about: _number((about.spans.attempt_path & ATTEMPT) + 1),
    "version": lambda _, about: lookup(about.tables.versions, about.spans.incarnation),
    "replica": lambda _, about: lookup(about.tables.replica_names, about.spans.incarnation),
    "limit": lambda _, about: _number(about.tables.queue_limit[owner(about.tables, about.spans)]),
    "workers": lambda _, about: _number(about.tables.workers[owner(about.tables, about.spans)]),
    "timeout_ms": lambda _, about: _timeout(about.tables, about.spans),
}
_SIGNS: pl.Series = names(["", "-"])
_STATUS: pl.Series = names(str(status) for status in STATUS_CODES)
_GRPC_STATUS: pl.Series = names(["OK", *(error.grpc for error in ERRORS.values())])
_OF_CODE: dict[str, _Column] = {
    "package": lambda own, about: lookup(own.packages, owner(about.tables, about.spans)),
    "class_name": lambda own, about: lookup(own.classes, owner(about.tables, about.spans)),
    "peer_class": lambda own, about: lookup(own.classes, peer(about.tables, about.spans)),
    "handler": lambda own, about: lookup(own.camel, own.handled(about)),
    "handler_snake": lambda own, about: lookup(own.snake, own.handled(about)),
    "handler_pascal": lambda own, about: lookup(own.pascal, own.handled(about)),
    "call": lambda own, about: lookup(own.camel, about.operation),
    "call_pascal": lambda own, about: lookup(own.pascal, about.operation),
}
#: The values that texts may name.
NAMES = (*_OF_SPANS, *PARTICULARS, *_OF_CODE, *CODE_LINES)
