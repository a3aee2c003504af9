"""On which track a span goes: slices of a track nest, and spans of a request may not.

A call that a service handles has a track of its own. What the service does for it goes there too as long as it nests:
it begins before whatever it is part of has ended, and doesn't outlast it. Of calls that go on while others do, or after
their caller gave up, each is on a track of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Track:
    """A track, and the ends of the slices that are under way on it, the innermost last."""

    uuid: int
    owner: tuple[str, str | None]
    ends: list[int]


class Calls:
    """Remembers where spans went whose children may still begin."""

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
        """The uuid of the track for a span; spans come in order of their beginning.

        Parameters
        ----------
        span, parent
            Their ids.
        owner
            Service and replica.
        is_call
            Whether it's a call that a service handles.
        at, end
            In microseconds.
        new
            Makes a track.
        """
        track = None if is_call or parent is None else self._nesting(parent, owner, at, end)
        if track is None:
            track = _Track(new(), owner, [])
        track.ends.append(end)
        if end > at:
            self._of[span] = track, end
        return track.uuid

    def forget(self, before: int) -> None:
        """Let go of spans that have ended by a moment, before which nothing begins any more."""
        self._of = {span: each for span, each in self._of.items() if each[1] > before}

    def _nesting(self, parent: str, owner: tuple[str, str | None], at: int, end: int) -> _Track | None:
        track, parent_end = self._of.get(parent, (None, 0))
        if track is None or track.owner != owner or at >= parent_end:
            return None
        while track.ends and track.ends[-1] <= at:
            track.ends.pop()
        return track if track.ends and end <= track.ends[-1] else None
