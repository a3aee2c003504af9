"""The lines of a fixture's files, in order of time, without looking further into them than their timestamps.

Every record begins with its `timestamp`, always 32 characters, and each file is in order of it. So a moment is found
by bisecting the bytes of a file, wherever in gigabytes it stands; the order of moments is that of their text; and lines
of several files merge before anything of them is parsed.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from exporters import layout

#: The kinds of record by name, in the order of `sim.records.KINDS`, which would bring polars with it.
KINDS = ("metrics", "logs", "traces", "events")
#: Where the timestamp stands in a line: behind `{"timestamp":"`.
STAMP = slice(14, 46)
#: Later than every timestamp.
NEVER = b"~"
#: Bytes read at a time. A reader holds so many for each of its files.
BLOCK = 16_384


def stamp(moment: datetime) -> bytes:
    """A moment in UTC as lines have it."""
    return moment.isoformat(timespec="microseconds").encode()


class Line(NamedTuple):
    """A line, first by what it is ordered by: its moment, then its file; `end` is where the next one begins."""

    moment: bytes
    file: int
    end: int
    text: bytes

    @property
    def kind(self) -> str:
        """The kind of its record."""
        return KINDS[self.file]


class LineFile:
    """A file of lines in order of time, open to be read from anywhere, also by several readers in turn."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def find(self, moment: bytes) -> int:
        """Where the first line at or after a moment begins."""
        late = bisect_left(range(self.size), moment, key=lambda offset: self._stamp(self._line_after(offset)))
        return self._line_after(late)

    def last(self) -> bytes:
        """The moment of the last line; empty if there is none."""
        size = BLOCK
        while True:
            begin = max(self.size - size, 0)
            tail = self._read(begin, size)
            end_before = tail.rfind(b"\n", 0, -1)
            if end_before >= 0 or not begin:
                return tail[end_before + 1 :][STAMP]
            size *= 2

    def begins(self, offset: int) -> bool:
        """Whether a line begins there, or the file ends."""
        return 0 <= offset <= self.size and (offset == 0 or self._read(offset - 1, 1) == b"\n")

    def lines(self, offset: int, file: int) -> Iterator[Line]:
        """The lines from an offset on; `file` is the number of the file."""
        size = BLOCK
        while block := self._read(offset, size):
            whole = block.rfind(b"\n") + 1
            if not whole:
                if len(block) < size:
                    return  # the file ends amid a line: a fixture that is whole has none such
                size *= 2
                continue
            for text in block[: whole - 1].split(b"\n"):
                offset += len(text) + 1
                yield Line(text[STAMP], file, offset, text)

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _line_after(self, offset: int) -> int:
        """Where the first line begins that begins at or after an offset; the size if there is none."""
        position = offset - 1
        while offset and (block := self._read(position, 1024)):
            found = block.find(b"\n")
            if found >= 0:
                return position + found + 1
            position += len(block)
        return self.size if offset else 0

    def _stamp(self, begin: int) -> bytes:
        return self._read(begin + STAMP.start, STAMP.stop - STAMP.start) or NEVER


class LineFiles:
    """The four files of a fixture, open, in a `with` block."""

    def __init__(self, folder: Path) -> None:
        self._files: list[LineFile] = []
        try:
            for kind in KINDS:
                self._files.append(LineFile(layout.path(folder, f"{kind}.ndjson")))
        except OSError:
            self.close()
            raise

    def __enter__(self) -> LineFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many bytes each file has."""
        return tuple(file.size for file in self._files)

    def find(self, moment: bytes) -> tuple[int, ...]:
        """Where in each file the first line at or after a moment begins."""
        return tuple(file.find(moment) for file in self._files)

    def begin(self, offsets: Iterable[int]) -> bool:
        """Whether a line begins, or the file ends, in each file at its offset."""
        return all(file.begins(offset) for file, offset in zip(self._files, offsets, strict=True))

    def read(self, kinds: Iterable[str], offsets: tuple[int, ...]) -> Iterator[Line]:
        """The lines of some kinds in order of time, from an offset in each of the four files on.

        At the same moment the order is that of `KINDS`.
        """
        numbers = sorted({KINDS.index(kind) for kind in kinds})
        return merge(*(self._files[number].lines(offsets[number], number) for number in numbers))

    def last(self) -> bytes:
        """The moment of the last line; empty if there is none."""
        return max(file.last() for file in self._files)


@dataclass(frozen=True)
class Only:
    """Which lines are wanted: of one service, of one trace, or all. A kind without a trace id has none of any trace."""

    service: str | None = None
    trace_id: str | None = None

    def __call__(self, text: bytes) -> bool:
        """Whether a line is wanted."""
        wanted = {key: value for key, value in (("service", self.service), ("trace_id", self.trace_id)) if value}
        # Most lines are told from their bytes; what seems to match may stand in a message, or in details.
        if not all(_pair(key, value) in text for key, value in wanted.items()):
            return False
        return not wanted or wanted.items() <= json.loads(text).items()


def _pair(key: str, value: str) -> bytes:
    return f'"{key}":{json.dumps(value, ensure_ascii=False)}'.encode()
