"""Streams of records, sent to readers as they become due.

A reader pulls: a chunk is read from the files only when the reader's connection has taken the one before. So a slow
reader slows only itself, and holds no more than a block of each file, a chunk, and its connection's buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from meshquake.exporters.fixtures.timeline import BLOCK, Line, Only, stamp
from meshquake.exporters.server.playback import Position, Recording, SimulatedClock

#: Shortest wait in seconds, which batches what happens within it, and longest wait before checking the server's state.
_TICK, _LOOK = 0.02, 0.25
#: Seconds of silence after which a reader gets a heartbeat.
_QUIET = 15.0

#: Encodes a line for sending, given the position after it.
Encode = Callable[[Line, Position], bytes]


def plain(line: Line, after: Position) -> bytes:
    """Encode a record as NDJSON."""
    return line.text + b"\n"


def named(line: Line, after: Position) -> bytes:
    """Encode a record with its kind as JSON."""
    return b'{"signal":"%b","record":%b}' % (line.kind.encode(), line.text)


def mixed(line: Line, after: Position) -> bytes:
    """Encode a record with its kind as NDJSON."""
    return named(line, after) + b"\n"


def event(line: Line, after: Position) -> bytes:
    """Encode a server-sent event: its type is the kind, its data the record, its id a cursor to resume from."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(after).encode(), line.kind.encode(), line.text)


class Streams:
    """Streams of a recording, and their readers.

    Attributes
    ----------
    readers
        Number of open streams.
    """

    def __init__(self, recording: Recording, clock: SimulatedClock, stopping: Callable[[], bool]) -> None:
        self._recording, self._clock, self._stopping = recording, clock, stopping
        self.readers = 0
        # Readers take turns, a block each; otherwise they would starve everything else.
        self._turn = asyncio.Lock()

    async def stream(
        self, kinds: Iterable[str], position: Position, wanted: Only, encode: Encode, beat: bytes
    ) -> AsyncIterator[bytes]:
        """Yield chunks of records, from a position to the end of the recording or until the server stops.

        Parameters
        ----------
        kinds, position, wanted
            The records to send.
        encode
            How to encode a record.
        beat
            The heartbeat for silent periods; empty for none.
        """
        self.readers += 1
        try:
            async for chunk in self._chunks(kinds, position, wanted, encode, beat):
                yield chunk
        finally:
            self.readers -= 1

    async def _chunks(
        self, kinds: Iterable[str], position: Position, wanted: Only, encode: Encode, beat: bytes
    ) -> AsyncIterator[bytes]:
        lines = self._recording.read(kinds, position)
        ahead, sent = next(lines, None), self._clock.seconds
        while ahead is not None:
            async with self._turn:
                chunk, ahead = self._due(lines, ahead, wanted, encode)
                await asyncio.sleep(0)  # lets other tasks run
            if chunk:
                yield chunk
                sent = self._clock.seconds
            elif beat and self._clock.seconds - sent > _QUIET:
                yield beat
                sent = self._clock.seconds
            if ahead is None or self._stopping():
                return
            wait = self._clock.until(ahead[0].moment)
            if wait > 0:
                await asyncio.sleep(min(max(wait, _TICK), _LOOK))

    def _due(
        self, lines: Iterator[tuple[Line, Position]], ahead: tuple[Line, Position] | None, wanted: Only, encode: Encode
    ) -> tuple[bytes, tuple[Line, Position] | None]:
        """Encode the due lines of up to a block, and return them with the first line that isn't among them."""
        chunk, looked, now = bytearray(), 0, stamp(self._clock.moment)
        while ahead is not None and ahead[0].moment <= now and looked <= BLOCK:
            line, after = ahead
            if wanted(line.text):
                chunk += encode(line, after)
            looked += len(line.text)
            ahead = next(lines, None)
        return bytes(chunk), ahead
