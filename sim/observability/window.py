"""Hold records back until their fate and their order are known."""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import RECORD_KINDS, Batch

#: The column that held records are sorted by: microseconds since 1970. It is not part of a record.
AT = "_at"


class Window:
    """Held frames by kind of record, sorted by their column `AT`; ties stay in the order of arrival."""

    def __init__(self) -> None:
        self._held: dict[str, list[pl.DataFrame]] = {kind: [] for kind in RECORD_KINDS}

    def add(self, frames: dict[str, pl.DataFrame]) -> None:
        """Hold records."""
        for kind, frame in frames.items():
            if len(frame):
                self._held[kind].append(frame)

    def held(self, kind: str) -> list[pl.DataFrame]:
        """Return the held frames of a kind."""
        return self._held[kind]

    def until(self, moment: int) -> dict[str, pl.DataFrame]:
        """Release the records before a moment (microseconds since 1970)."""
        gone = {}
        for kind, frames in self._held.items():
            if not frames:
                continue
            whole = pl.concat(frames)
            if not whole[AT].is_sorted():
                whole = whole.sort(AT, maintain_order=True)
            count = int(whole[AT].search_sorted(moment, side="left"))
            gone[kind] = whole[:count]
            self._held[kind] = [whole[count:]] if count < len(whole) else []
        return gone


def batch_of(frames: dict[str, pl.DataFrame], clock: float) -> Batch:
    """Make a batch of frames; kinds without a frame are empty."""
    parts = {
        kind: frames[kind].select(schema.names()) if kind in frames else pl.DataFrame(schema=schema)
        for kind, schema in ((kind, each.frame_schema) for kind, each in RECORD_KINDS.items())
    }
    return Batch(**parts, clock=clock)
