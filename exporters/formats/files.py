"""Write the files of a folder piece by piece."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, cast


class Files:
    """Files by name, each made when it is first written to, and flushed to disk when closed.

    Parameters
    ----------
    folder
        The folder of the files; folders in between are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def write(self, name: str, content: bytes, header: bytes = b"") -> None:
        """Append to a file; a new file begins with the header."""
        file = self._files.get(name)
        if file is None:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._files[name] = cast(BinaryIO, path.open("wb"))
            file.write(header)
        file.write(content)

    def close(self) -> None:
        """Flush the files to disk; raises OSError, since a file system may only report now that it is full."""
        for file in self._files.values():
            with file:
                file.flush()
                os.fsync(file.fileno())

    def discard(self) -> None:
        """Abandon the files: close them without flushing."""
        for file in self._files.values():
            file.raw.close()  # type: ignore[attr-defined]
