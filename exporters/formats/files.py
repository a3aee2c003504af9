"""The files of a folder, written a piece at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, cast


class Files:
    """Files by name, each made when something is first written into it; what it closes is on the disk.

    Parameters
    ----------
    folder
        Where they are; folders in between are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def write(self, name: str, content: bytes, header: bytes = b"") -> None:
        """Append to a file; a new one begins with the header."""
        file = self._files.get(name)
        if file is None:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._files[name] = cast(BinaryIO, path.open("wb"))
            file.write(header)
        file.write(content)

    def close(self) -> None:
        """Bring the files to the disk. A file system may find out only now that it is full: then OSError is raised."""
        for file in self._files.values():
            with file:
                file.flush()
                os.fsync(file.fileno())

    def discard(self) -> None:
        """Close the files without caring what becomes of them."""
        for file in self._files.values():
            file.raw.close()  # type: ignore[attr-defined]
