"""Frames set aside one after another, and read back in that order, in memory that does not grow with them."""

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
        Folder for the file; None for the system's default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = Scratch(folder)
        #: Place and length of each frame.
        self._places: list[tuple[int, int]] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Set a frame aside; raises OSError if there is no room for it."""
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
        """The frames that were set aside, in order."""
        for place, length in self._places:
            yield pl.read_ipc_stream(BytesIO(self._scratch.read(place, length)))
