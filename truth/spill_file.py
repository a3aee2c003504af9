"""Pieces that arrive interleaved and must be read back key by key: samples as they come, each series as a whole.

Memory does not grow with them. Pieces wait in a temporary file; only their positions are kept in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator
from pathlib import Path

from meshquake.truth.scratch import Scratch

#: Bytes that wait in memory, so that pieces in the file are large enough to be worth a seek.
WAITING = 4 * 2**20


class SpillFile:
    """Bytes by key.

    Parameters
    ----------
    folder
        Folder for the temporary file; None for the system's default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = Scratch(folder)
        #: The pieces of each key: position and length, alternating.
        self._written: dict[Hashable, array[int]] = {}
        self._waiting: dict[Hashable, list[bytes]] = {}
        self._size = 0

    def add(self, key: Hashable, piece: bytes) -> None:
        """Append a piece to a key; raises OSError if there is no room for it."""
        self._waiting.setdefault(key, []).append(piece)
        self._written.setdefault(key, array("q"))
        self._size += len(piece)
        if self._size >= WAITING:
            self._flush()

    def __contains__(self, key: Hashable) -> bool:
        """Whether a key has any pieces."""
        return key in self._written

    def pieces(self, key: Hashable) -> Iterator[bytes]:
        """The pieces of a key."""
        places = iter(self._written.get(key, ()))
        for place, length in zip(places, places, strict=True):
            yield self._scratch.read(place, length)
        yield from self._waiting.get(key, ())

    def close(self) -> None:
        """Forget everything."""
        self._scratch.close()

    def _flush(self) -> None:
        for key, pieces in self._waiting.items():
            joined = b"".join(pieces)
            self._written[key].extend((self._scratch.append(joined), len(joined)))
        self._waiting.clear()
        self._size = 0
