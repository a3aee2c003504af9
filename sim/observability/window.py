"""Records held back for as long as it is open what becomes of them, and in which order they are told."""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import RECORD_KINDS, Batch

#: The column by which records are held: a moment in microseconds since 1970. It's no part of a record.
AT = "_at"


class Window:
    """Frames by kind of record, each with a column `AT`, in order of it; equal moments stay in the order of arrival."""

    def __init__(self) -> None:
        self._held: dict[str, list[pl.DataFrame]] = {kind: [] for kind in RECORD_KINDS}

    def add(self, frames: dict[str, pl.DataFrame]) -> None:
        """Hold records."""
        for kind, frame in frames.items():
            if len(frame):
                self._held[kind].append(frame)

    def held(self, kind: str) -> list[pl.DataFrame]:
        """All records of a kind that are held."""
        return self._held[kind]

    def until(self, moment: int) -> dict[str, pl.DataFrame]:
        """Let go the records before a moment (microseconds since 1970)."""
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
    """A batch of frames; of kinds that have none it has no records."""
    parts = {
        kind: frames[kind].select(schema.names()) if kind in frames else pl.DataFrame(schema=schema)
        for kind, schema in ((kind, each.frame_schema) for kind, each in RECORD_KINDS.items())
    }
    return Batch(**parts, clock=clock)
