"""Records to readers as they become due.

A reader pulls: a chunk is read from the files only when the one before it was taken by the reader's connection. So a
slow reader slows itself; all it can hold is a block of each file, a chunk, and what its connection may buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from meshquake.exporters.fixtures.timeline import BLOCK, Line, Only, stamp
from meshquake.exporters.server.playback import Position, Recording, SimulatedClock

#: Seconds of waiting at least, so that what happens within is sent together; and at most, before a look at the server.
_TICK, _LOOK = 0.02, 0.25
#: Seconds after which a reader that hears nothing hears that.
_QUIET = 15.0

#: Makes of a line, and the place after it, what is sent.
Encode = Callable[[Line, Position], bytes]


def plain(line: Line, after: Position) -> bytes:
    """A record, as NDJSON."""
    return line.text + b"\n"


def named(line: Line, after: Position) -> bytes:
    """A record with its kind, as JSON."""
    return b'{"signal":"%b","record":%b}' % (line.kind.encode(), line.text)


def mixed(line: Line, after: Position) -> bytes:
    """A record with its kind, as NDJSON."""
    return named(line, after) + b"\n"


def event(line: Line, after: Position) -> bytes:
    """A server-sent event: its type is the kind, its data the record, its id a cursor to go on from."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(after).encode(), line.kind.encode(), line.text)


class Streams:
    """The readers of a recording.

    Attributes
    ----------
    readers
        How many there are now.
    """

    def __init__(self, recording: Recording, clock: SimulatedClock, stopping: Callable[[], bool]) -> None:
        self._recording, self._clock, self._stopping = recording, clock, stopping
        self.readers = 0
        # Readers take turns, a block each: all at once, they would let nobody else in between.
        self._turn = asyncio.Lock()

    async def stream(
        self, kinds: Iterable[str], position: Position, wanted: Only, encode: Encode, beat: bytes
    ) -> AsyncIterator[bytes]:
        """Chunks of records, from a place to the end of the recording or of the server.

        Parameters
        ----------
        kinds, position, wanted
            Which records.
        encode
            What becomes of one.
        beat
            What to send when there was nothing for a while; nothing if empty.
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
                await asyncio.sleep(0)  # now whatever isn't a stream has its turn
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
        """What is due of some lines, as far as a block goes, and the first line that isn't sent with it."""
        chunk, looked, now = bytearray(), 0, stamp(self._clock.moment)
        while ahead is not None and ahead[0].moment <= now and looked <= BLOCK:
            line, after = ahead
            if wanted(line.text):
                chunk += encode(line, after)
            looked += len(line.text)
            ahead = next(lines, None)
        return bytes(chunk), ahead
