"""A temporary file for data that would outgrow memory."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, cast


class Scratch:
    """Bytes that are set aside, and read back by position.

    The file is created with the first bytes. It has no name, or loses it when it is closed, which is when this object
    goes: nothing is left behind, however the process ends.

    Parameters
    ----------
    folder
        Folder for the file; None for the system's default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._end = 0

    def append(self, content: bytes) -> int:
        """Set bytes aside; returns their position.

        Raises
        ------
        OSError
            If there is no room. It names the default folder; a caller that chose one can say more about it.
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
        """Read bytes from a position on."""
        assert self._file is not None, "nothing was set aside"
        self._file.seek(place)
        return self._file.read(length)

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()
