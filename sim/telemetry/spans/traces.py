"""Trace records, made of spans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS
from meshquake.sim.records import TRACE
from meshquake.sim.telemetry.columns import Columns
from meshquake.sim.telemetry.ids import Words, hexadecimal, span_words
from meshquake.sim.telemetry.spans.inside import CLIENT_HALF, SERVER_HALF, TURNS, Inside, Insides
from meshquake.sim.telemetry.spans.span_attributes import SpanAttributes
from meshquake.sim.telemetry.spans.spans import Mask, Spans, ids, owner, peer, trace_words
from meshquake.sim.telemetry.tables import ERROR_NAMES, STATUS_CODES, Ints, Tables
from meshquake.sim.telemetry.texts import lookup, names, stacked
from meshquake.topology.replay import Attributes

_SIDES = names(["client", "server", "internal"])
_INTERNAL = 2
_STATUS = names(["success", "error"])
_ERRORS = names(ERROR_NAMES)


@dataclass
class _Rows(Columns):
    """The columns that trace records are made of; `span` is the position in `Spans`, -1 for an internal span."""

    start: Ints
    end: Ints
    high: Words
    low: Words
    word: Words
    above: Words
    root: Mask
    service: Ints
    operation: Ints
    side: Ints
    code: Ints
    peer: Ints
    incarnation: Ints
    attempt: Ints
    span: Ints


def trace_frame(
    tables: Tables,
    spans: Spans,
    attributes: Mapping[int, Attributes],
    told: SpanAttributes,
    inside: Inside,
    insides: Insides,
) -> pl.DataFrame:
    """Make trace records of spans, which must be in order, and of internal spans.

    Parameters
    ----------
    attributes
        Attributes of replayed requests, by their numbers.
    told
        Makes the other attributes of spans.
    inside, insides
        What makes internal spans, and those to record.
    """
    high, low, word = ids(tables, spans.site, spans.attempt_path, spans.number, spans.server)
    parent_site = tables.site_parent[spans.site]
    root = spans.server & (parent_site < 0)
    # A server half is caused by the client half of the same call, which is caused by the caller's server half.
    above = span_words(
        low,
        tables.site_address[np.where(spans.server, spans.site, parent_site)],
        np.where(spans.server, spans.attempt_path, spans.attempt_path >> ATTEMPT_BITS),
        ~spans.server,
    )
    rows = _Rows(
        start=spans.start,
        end=spans.end,
        high=high,
        low=low,
        word=word,
        above=above if not inside else inside.parents(spans, above),
        root=root,
        service=owner(tables, spans),
        operation=tables.site_operation[spans.site],
        side=spans.server.astype(np.int64),
        code=spans.code,
        peer=peer(tables, spans),
        incarnation=spans.incarnation,
        attempt=(spans.attempt_path & ATTEMPT) + 1,
        span=np.arange(len(spans)),
    )
    operations = tables.service_operations
    if len(insides):
        # Ties are ordered by address, however many spans are in the batch.
        insides = insides.where(np.lexsort((insides.attempt_path, insides.site, insides.number)))
        rows += _within(tables, insides, len(operations))
        operations = stacked([operations, inside.names])
        # Of spans that begin at once, causes come before effects.
        depth = tables.site_depth[spans.site] - ~spans.server
        turn = TURNS * depth + np.where(spans.server, SERVER_HALF, CLIENT_HALF)
        turn = np.append(turn, TURNS * insides.depth + insides.turn)
        rows = rows.where(np.argsort(rows.start * (turn.max() + 1) + turn, kind="stable"))
    others = names([*tables.services, None])
    columns = {
        "timestamp": tables.iso(rows.start),
        "trace_id": hexadecimal(rows.high, rows.low),
        "span_id": hexadecimal(rows.word),
        "parent_span_id": hexadecimal(rows.above).set(pl.Series(rows.root), None),
        "service": lookup(tables.service_names, rows.service),
        "operation": lookup(operations, rows.operation),
        "duration_ms": pl.Series((rows.end - rows.start) / 1000.0),
        "status": lookup(_STATUS, rows.code > 0),
        "kind": lookup(_SIDES, rows.side),
        "error_type": lookup(_ERRORS, rows.code),
        "status_code": pl.Series(STATUS_CODES[rows.code]),
        "peer": lookup(others, rows.peer),
        "replica": lookup(tables.replica_names, rows.incarnation),
        "version": lookup(tables.versions, rows.incarnation),
        "attempt": pl.Series(rows.attempt),
        "attributes": _attributes(spans, root, attributes, told, rows.span),
    }
    return pl.DataFrame({name: columns[name] for name in TRACE.frame_schema})


def _within(tables: Tables, insides: Insides, operations: int) -> _Rows:
    """Make the rows of internal spans; their names follow after `operations` others."""
    high, low = trace_words(tables, insides.site, insides.number)
    count = len(insides)
    return _Rows(
        start=insides.start,
        end=insides.end,
        high=high,
        low=low,
        word=insides.word,
        above=insides.parent,
        root=np.zeros(count, dtype=np.bool_),
        service=insides.service,
        operation=operations + insides.name,
        side=np.full(count, _INTERNAL),
        code=insides.code,
        peer=np.full(count, -1),
        incarnation=insides.incarnation,
        attempt=(insides.attempt_path & ATTEMPT) + 1,
        span=np.full(count, -1),
    )


def _attributes(
    spans: Spans, root: Mask, attributes: Mapping[int, Attributes], told: SpanAttributes, rows: Ints
) -> pl.Series:
    """Return the attributes of the spans of some rows, with those of replayed requests, as JSON; null for none."""
    if not attributes and not told:
        return pl.repeat(None, len(rows), dtype=pl.String, eager=True)
    texts = told.of(spans) if told else pl.repeat(None, len(spans), dtype=pl.String, eager=True)
    if attributes:
        for position in np.flatnonzero(root).tolist():
            known = attributes.get(int(spans.number[position]))
            if known is not None:
                whole = json.loads(texts[position] or "{}") | dict(known)
                texts[position] = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return lookup(stacked([texts, names([None])]), rows)
