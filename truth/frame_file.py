"""Frames that are set aside one after another, and read again in that order, in memory that doesn't grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polars as pl

from meshquake.truth.scratch import Scratch


class FrameFile:
    """Sets frames aside in a temporary file.

    Parameters
    ----------
    folder
        Where the file may lie; None for where such files lie on this machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = Scratch(folder)
        #: Place and length of each frame.
        self._places: list[tuple[int, int]] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Set a frame aside; raises OSError if there's no room for it."""
        if not len(frame):
            return
        packed = BytesIO()
        frame.write_ipc_stream(packed, compression="lz4")
        content = packed.getvalue()
        self._places.append((self._scratch.append(content), len(content)))

    def close(self) -> None:
        """Forget everything."""
        self._scratch.close()

    def frames(self) -> Iterator[pl.DataFrame]:
        """What was set aside, in its order."""
        for place, length in self._places:
            yield pl.read_ipc_stream(BytesIO(self._scratch.read(place, length)))
