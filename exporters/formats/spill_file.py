"""Texts that arrive mixed and must stand one after another: each sample as it comes, each series in one piece.

Memory doesn't grow with them. Pieces wait in a temporary file, and what's remembered is where each piece lies there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

#: Bytes that wait in memory, so that pieces in the file are worth a seek.
_WAITING = 16 * 2**20


class SpillFile:
    """Texts by key.

    Parameters
    ----------
    folder
        Where the temporary file may lie; it has no name there, or loses it when it's closed.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, open until `close`
        self._written: dict[str, list[tuple[int, int]]] = {}
        self._waiting: dict[str, list[bytes]] = {}
        self._size = self._end = 0

    def add(self, key: str, piece: bytes) -> None:
        """Append a piece to the text of a key."""
        self._waiting.setdefault(key, []).append(piece)
        self._written.setdefault(key, [])
        self._size += len(piece)
        if self._size >= _WAITING:
            self._flush()

    def __contains__(self, key: str) -> bool:
        """Whether a key has a text."""
        return key in self._written

    def text(self, key: str) -> Iterator[bytes]:
        """The text of a key, in pieces."""
        for start, length in self._written[key]:
            self._file.seek(start)
            yield self._file.read(length)
        yield from self._waiting.get(key, ())

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def _flush(self) -> None:
        self._file.seek(self._end)
        for key, pieces in self._waiting.items():
            text = b"".join(pieces)
            self._file.write(text)
            self._written[key].append((self._end, len(text)))
            self._end += len(text)
        self._waiting.clear()
        self._size = 0
