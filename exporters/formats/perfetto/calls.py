"""Assign spans to tracks: slices of a track must nest, which spans of a request need not do.

A call that a service handles gets a track of its own. What the service does for that call goes on the same track as
long as it nests: it starts before its parent ends, and ends no later than the slice around it. Concurrent calls, and
calls that outlive their caller, each get a track of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Track:
    """A track, and the ends of its open slices, innermost last."""

    uuid: int
    owner: tuple[str, str | None]
    ends: list[int]


class Calls:
    """Keeps the tracks of spans whose children may still start."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[_Track, int]] = {}

    def place(
        self,
        span: str,
        parent: str | None,
        owner: tuple[str, str | None],
        is_call: bool,
        at: int,
        end: int,
        new: Callable[[], int],
    ) -> int:
        """Return the uuid of the track for a span; spans must come in order of start.

        Parameters
        ----------
        span, parent
            The ids of the span and its parent.
        owner
            Its service and replica.
        is_call
            Whether it is a call that a service handles.
        at, end
            Its start and end in microseconds.
        new
            Makes a track and returns its uuid.
        """
        track = None if is_call or parent is None else self._nesting(parent, owner, at, end)
        if track is None:
            track = _Track(new(), owner, [])
        track.ends.append(end)
        if end > at:
            self._of[span] = track, end
        return track.uuid

    def forget(self, before: int) -> None:
        """Forget the spans that have ended by a moment; no later span starts before it."""
        self._of = {span: each for span, each in self._of.items() if each[1] > before}

    def _nesting(self, parent: str, owner: tuple[str, str | None], at: int, end: int) -> _Track | None:
        track, parent_end = self._of.get(parent, (None, 0))
        if track is None or track.owner != owner or at >= parent_end:
            return None
        while track.ends and track.ends[-1] <= at:
            track.ends.pop()
        return track if track.ends and end <= track.ends[-1] else None
