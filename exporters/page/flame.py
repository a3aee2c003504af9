"""Where the time of requests went, before and during an incident.

Each instant of a request is put down to the call that its answer was waiting for: of calls under way at once, the one
that ended last (the critical path). So the times of all frames add up to the times that users waited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from meshquake.exporters.page.sources import Sources
from meshquake.exporters.page.traces import Words

#: Requests of a side that are looked at, evenly spread, and the share of its time below which a frame is not drawn.
MOST, LEAST = 250, 0.002
_US = 1_000_000


@dataclass
class Frame:
    """An operation on a way from users, and the microseconds that were spent in it itself."""

    own: int = 0
    below: dict[str, Frame] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The time spent in it and in what it called."""
        return self.own + sum(frame.total for frame in self.below.values())


@dataclass(frozen=True)
class Side:
    """A stretch of time of which is told, in seconds since the recording began."""

    label: str
    since: float
    until: float


def flame(sources: Sources, words: Words) -> list[dict[str, Any]]:
    """Where the time went in a recording, before and during its incident."""
    begin, end = _incident(sources)
    both = [Side("Before", 0.0, begin), Side("During", begin, end)] if begin else [Side("All", 0.0, end)]
    return sides(both, sources.roots, sources.spans, words)


def sides(wanted: Iterable[Side], roots: pl.DataFrame, spans: pl.DataFrame, words: Words) -> list[dict[str, Any]]:
    """The sides in which there are requests, each with its `label`, how many `requests` it is of, and its `frames`.

    A frame is its depth, operation, left edge and width, and its own time, in milliseconds a request.

    Parameters
    ----------
    wanted
        The sides.
    roots, spans
        Trace records with their `start` and `end` in microseconds since the recording began: those of users' requests,
        and all.
    words
        What numbers the texts.
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
    """From when to when faults acted; the whole recording if none is known of."""
    axis = sources.moments
    acting = sources.truth["faults"] if sources.truth else []
    if not acting:
        return 0.0, axis.length
    return min(axis.seconds(each["start"]) for each in acting), max(axis.seconds(each["end"]) for each in acting)


def _summed(spans: pl.DataFrame) -> Frame:
    """The frames of some requests, together; the root frame is that of all users."""
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
    """Put the time of a request down to frames."""
    stack = [(root, frame, root.start, root.end)]
    while stack:
        span, frame, low, high = stack.pop()
        at = high
        for child in sorted(below.get(span.span_id, ()), key=lambda each: (-each.end, each.span_id)):
            until, since = min(child.end, at), max(child.start, low)
            if since >= until:
                continue
            frame.own += at - until
            # What happens inside a process is part of it; a call and its answer are one frame.
            same = child.kind == "internal" or (span.kind == "client" and child.operation == span.operation)
            stack.append((child, frame if same else frame.below.setdefault(child.operation, Frame()), since, until))
            at = since
        frame.own += at - low


def _frames(whole: Frame, requests: int, words: Words) -> list[list[float]]:
    """The frames as rows, each left of those that are as deep and have less time."""
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
