"""Room in a temporary file for what would outgrow memory."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, cast


class Scratch:
    """Bytes that are set aside, and read again by their places.

    The file is made for the first of them. It has no name, or loses it when it's closed, and that is when this object
    goes: whatever ends the process, nothing is left behind.

    Parameters
    ----------
    folder
        Where the file lies; None for where temporary files lie on this machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._end = 0

    def append(self, content: bytes) -> int:
        """Set bytes aside; returns their place.

        Raises
        ------
        OSError
            If there is no room. It names the folder that nobody has chosen: who has chosen one can say more of it.
        """
        place = self._end
        try:
            if self._file is None:
                self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115, open as long as this
                weakref.finalize(self, self._file.close)
            self._file.seek(place)
            self._file.write(content)
            self._file.flush()
        except OSError as error:
            if self._folder is None:
                error.filename = tempfile.gettempdir()
            raise
        self._end += len(content)
        return place

    def read(self, place: int, length: int) -> bytes:
        """So many of the bytes from a place on."""
        assert self._file is not None, "nothing was set aside"
        self._file.seek(place)
        return self._file.read(length)

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()
