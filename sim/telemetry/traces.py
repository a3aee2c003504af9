"""Trace records: spans as observability keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import polars as pl

from meshquake.sim.engine.call_site import ATTEMPT, ATTEMPT_BITS
from meshquake.sim.records import TRACE
from meshquake.sim.telemetry.ids import hexadecimal, span_words
from meshquake.sim.telemetry.spans import Mask, Spans, ids, owner, peer
from meshquake.sim.telemetry.tables import ERROR_NAMES, STATUS_CODES, Tables, lookup, names
from meshquake.topology.replay import Attributes

_SIDES = names(["client", "server"])
_STATUS = names(["success", "error"])
_ERRORS = names(ERROR_NAMES)


def trace_frame(tables: Tables, spans: Spans, attributes: Mapping[int, Attributes]) -> pl.DataFrame:
    """Trace records of spans that are in order, with the `attributes` of users' requests by their numbers."""
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
    others = names([*tables.services, None])
    return pl.select(
        timestamp=tables.iso(spans.start),
        trace_id=hexadecimal(high, low),
        span_id=hexadecimal(word),
        parent_span_id=pl.when(pl.lit(pl.Series(~root))).then(hexadecimal(above)),
        service=lookup(tables.service_names, owner(tables, spans)),
        operation=lookup(tables.service_operations, tables.site_operation[spans.site]),
        duration_ms=pl.Series(spans.duration_ms),
        status=lookup(_STATUS, spans.failed),
        kind=lookup(_SIDES, spans.server),
        error_type=lookup(_ERRORS, spans.code),
        status_code=pl.Series(STATUS_CODES[spans.code]),
        peer=lookup(others, peer(tables, spans)),
        replica=lookup(tables.replica_names, spans.incarnation),
        version=lookup(tables.versions, spans.incarnation),
        attempt=pl.Series((spans.attempt_path & ATTEMPT) + 1),
        attributes=_attributes(spans, root, attributes) if attributes else pl.lit(None, dtype=pl.String),
    ).select(TRACE.frame_schema.names())


def _attributes(spans: Spans, root: Mask, attributes: Mapping[int, Attributes]) -> pl.Series:
    """What is known of the requests of some spans, as JSON; null for all that aren't a user's request."""
    texts: list[str | None] = [None] * len(spans)
    for position in np.flatnonzero(root).tolist():
        known = attributes.get(int(spans.number[position]))
        if known is not None:
            texts[position] = json.dumps(dict(known), ensure_ascii=False)
    return pl.Series(texts, dtype=pl.String)
