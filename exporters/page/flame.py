"""Flame graphs of where requests spent their time, before and during an incident.

Each instant of a request is attributed to the call that its response was waiting for: of concurrent calls, the one that
ended last (the critical path). The times of all frames therefore add up to the time that users waited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from meshquake.exporters.page.sources import Sources
from meshquake.exporters.page.traces import Words

#: Most requests sampled for a side, evenly spread, and the share of its time below which a frame is not drawn.
MOST, LEAST = 250, 0.002
_US = 1_000_000


@dataclass
class Frame:
    """An operation on a call path from users, and the microseconds spent in it alone."""

    own: int = 0
    below: dict[str, Frame] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Microseconds spent in it and in its callees."""
        return self.own + sum(frame.total for frame in self.below.values())


@dataclass(frozen=True)
class Side:
    """A labelled time range, in seconds since the recording began."""

    label: str
    since: float
    until: float


def flame(sources: Sources, words: Words) -> list[dict[str, Any]]:
    """Build the flame graphs of a recording, before and during its incident."""
    begin, end = _incident(sources)
    both = [Side("Before", 0.0, begin), Side("During", begin, end)] if begin else [Side("All", 0.0, end)]
    return sides(both, sources.roots, sources.spans, words)


def sides(wanted: Iterable[Side], roots: pl.DataFrame, spans: pl.DataFrame, words: Words) -> list[dict[str, Any]]:
    """Build a flame graph for each side that has requests: its `label`, number of `requests`, and `frames`.

    A frame is its depth, operation, left edge, width and own time. The last three are in milliseconds per request.

    Parameters
    ----------
    wanted
        The sides.
    roots, spans
        Trace records with their `start` and `end` in microseconds since the recording began: the spans of users'
        requests, and all spans.
    words
        The table of texts.
    """
    found = []
    for side in wanted:
        inside = (pl.col("start") >= side.since * _US) & (pl.col("start") < side.until * _US)
        ids = roots.filter(inside).sort("start", "trace_id")["trace_id"].to_list()
        some = [ids[position * len(ids) // MOST] for position in range(MOST)] if len(ids) > MOST else ids
        if some:
            frames = _frames(_summed(spans.filter(pl.col("trace_id").is_in(some))), len(some), words)
            found.append(
                {"label": side.label, "from": side.since, "to": side.until, "requests": len(some), "frames": frames}
            )
    return found


def _incident(sources: Sources) -> tuple[float, float]:
    """Return when faults acted, from first start to last end; the whole recording if no faults are known."""
    axis = sources.moments
    acting = sources.truth["faults"] if sources.truth else []
    if not acting:
        return 0.0, axis.length
    return min(axis.seconds(each["start"]) for each in acting), max(axis.seconds(each["end"]) for each in acting)


def _summed(spans: pl.DataFrame) -> Frame:
    """Sum the frames of some requests; the root frame stands for all users."""
    whole = Frame()
    columns = ("span_id", "parent_span_id", "operation", "kind", "start", "end")
    for _, own in spans.group_by("trace_id", maintain_order=True):
        below: dict[str, list[_Span]] = {}
        roots = []
        for span_id, parent, operation, kind, start, end in own.select(columns).iter_rows():
            span = _Span(span_id, operation, kind, start, end)
            if parent is not None:
                below.setdefault(parent, []).append(span)
            elif kind == "server":
                roots.append(span)
        for root in roots:
            _spend(root, whole.below.setdefault(root.operation, Frame()), below)
    return whole


@dataclass(frozen=True)
class _Span:
    span_id: str
    operation: str
    kind: str
    start: int
    end: int


def _spend(root: _Span, frame: Frame, below: dict[str, list[_Span]]) -> None:
    """Attribute the time of a request to frames."""
    stack = [(root, frame, root.start, root.end)]
    while stack:
        span, frame, low, high = stack.pop()
        at = high
        for child in sorted(below.get(span.span_id, ()), key=lambda each: (-each.end, each.span_id)):
            until, since = min(child.end, at), max(child.start, low)
            if since >= until:
                continue
            frame.own += at - until
            # Internal spans belong to their process; the client and server span of a call share a frame.
            same = child.kind == "internal" or (span.kind == "client" and child.operation == span.operation)
            stack.append((child, frame if same else frame.below.setdefault(child.operation, Frame()), since, until))
            at = since
        frame.own += at - low


def _frames(whole: Frame, requests: int, words: Words) -> list[list[float]]:
    """Lay out the frames as rows; siblings run from left to right by descending time."""
    rows: list[list[float]] = []
    least = LEAST * whole.total

    def place(frames: Iterable[tuple[str, Frame]], depth: int, left: int) -> None:
        for operation, frame in sorted(frames, key=lambda each: (-each[1].total, each[0])):
            if frame.total >= least:
                rows.append(
                    [depth, words(operation), *(_ms(each, requests) for each in (left, frame.total, frame.own))]
                )
                place(frame.below.items(), depth + 1, left)
            left += frame.total

    place(whole.below.items(), 0, 0)
    return rows


def _ms(microseconds: int, requests: int) -> float:
    return round(microseconds / 1000 / requests, 3)
