"""Records to readers as they become due.

A reader pulls: a chunk is read from the files only when the one before it was taken by the reader's connection. So a
slow reader slows itself; all it can hold is a block of each file, a chunk, and what its connection may buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

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
        chunk, looked, sent = bytearray(), 0, self._clock.seconds
        now = stamp(self._clock.moment)
        for line, after in self._recording.read(kinds, position):
            while line.moment > now:
                if chunk:
                    yield bytes(chunk)
                    chunk.clear()
                    sent = self._clock.seconds
                elif beat and self._clock.seconds - sent > _QUIET:
                    yield beat
                    sent = self._clock.seconds
                if self._stopping():
                    return
                await asyncio.sleep(min(max(self._clock.until(line.moment), _TICK), _LOOK))
                now = stamp(self._clock.moment)
            if wanted(line.text):
                chunk += encode(line, after)
            looked += len(line.text)
            if looked > BLOCK:
                if chunk:
                    yield bytes(chunk)
                    chunk.clear()
                    sent = self._clock.seconds
                # A connection that takes everything at once would leave no room for the others.
                await asyncio.sleep(0)
                if self._stopping():
                    return
                looked = 0
        if chunk:
            yield bytes(chunk)
