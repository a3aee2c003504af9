"""Playback of a recording: its lines, once or in a loop, and the simulated clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

from meshquake.exporters.fixtures.fixture import Clock, Fixture
from meshquake.exporters.fixtures.timeline import RECORD_NAMES, STAMP, Line, LineFiles, stamp

#: No round begins after this moment, so that all of its times can be represented.
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """A position between two records: the round, and the offset of the next line in each file. Its text is a cursor."""

    round: int
    offsets: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(map(str, (self.round, *self.offsets)))


_CURSOR = re.compile(rf"\d{{1,12}}(-\d{{1,15}}){{{len(RECORD_NAMES)}}}", re.ASCII)


class Recording:
    """The lines of a fixture in playback.

    Each round of a loop is shifted by the length of a round: that of the recording, or up to its last record if that is
    later, in whole seconds. So time never goes back; ids repeat.

    Attributes
    ----------
    fixture
        The fixture.
    loop
        Whether to start another round at the end of each.
    """

    def __init__(self, fixture: Fixture, loop: bool) -> None:
        self.fixture = fixture
        self.loop = loop
        self._files = LineFiles(fixture.folder)
        last = self._files.last()
        played = (datetime.fromisoformat(last.decode()) - fixture.start).total_seconds() if last else 0.0
        self._round = timedelta(seconds=max(1, ceil(max(played, fixture.length))))
        self._rounds = (_LAST - fixture.start) // self._round if loop else 0

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    @property
    def beginning(self) -> Position:
        """The position before the first record."""
        return Position(0, (0,) * len(RECORD_NAMES))

    @property
    def end(self) -> datetime | None:
        """The end of playback; None in a loop."""
        return None if self.loop else self.fixture.start + self._round

    def find(self, moment: datetime) -> Position:
        """Return the position before the first record at or after a moment."""
        number = min(max(0, (moment - self.fixture.start) // self._round), self._rounds)
        return Position(number, self._files.find(stamp(moment - number * self._round)))

    def position(self, cursor: str) -> Position:
        """Parse a cursor; ValueError if it is not a position of this recording."""
        if _CURSOR.fullmatch(cursor):
            number, *offsets = map(int, cursor.split("-"))
            if number <= self._rounds and self._files.begin(offsets):
                return Position(number, tuple(offsets))
        raise ValueError("not a cursor of this server")

    def over(self, kinds: Iterable[str], position: Position) -> bool:
        """Whether no record of these kinds comes after a position."""
        numbers = map(RECORD_NAMES.index, kinds)
        return not self.loop and all(position.offsets[number] == self._files.sizes[number] for number in numbers)

    def blocks(self, kind: str, begin: Position, end: Position) -> Iterator[tuple[bytes, timedelta]]:
        """Yield the lines of a kind between two positions as blocks of whole moments, each with its shift in time."""
        file = RECORD_NAMES.index(kind)
        for number in range(begin.round, end.round + 1):
            first = begin.offsets[file] if number == begin.round else 0
            last = end.offsets[file] if number == end.round else self._files.sizes[file]
            for lines in self._files.blocks(kind, first, last):
                yield lines, number * self._round

    def read(self, kinds: Iterable[str], position: Position) -> Iterator[tuple[Line, Position]]:
        """Yield the lines of some kinds from a position on, in order of time, each with the position after it."""
        kinds, (number, begin) = tuple(kinds), position
        while True:
            offsets = list(begin)
            later = number * self._round
            for line in self._files.read(kinds, begin):
                offsets[line.file] = line.end
                yield _shifted(line, later) if number else line, Position(number, tuple(offsets))
            if not self.loop or begin == (0,) * len(RECORD_NAMES) == tuple(offsets):
                return
            number, begin = number + 1, (0,) * len(RECORD_NAMES)


def _shifted(line: Line, later: timedelta) -> Line:
    moment = stamp(datetime.fromisoformat(line.moment.decode()) + later)
    text = line.text[: STAMP.start] + moment + line.text[STAMP.stop :]
    return line._replace(moment=moment, text=text)


class SimulatedClock:
    """A clock that shows the time within the recording and runs `speed` times as fast as a real one.

    Parameters
    ----------
    clock
        The real clock.
    start
        The time to show now.
    speed
        Recorded seconds per real second.
    end
        The time to stop at; None for never.
    """

    def __init__(self, clock: Clock, start: datetime, speed: float, end: datetime | None) -> None:
        self._clock, self._start, self._speed, self._end = clock, start, speed, end
        self._began = clock.monotonic()

    @property
    def moment(self) -> datetime:
        """The simulated now."""
        now = self._start + timedelta(seconds=self.seconds * self._speed)
        return now if self._end is None else min(now, self._end)

    @property
    def seconds(self) -> float:
        """Real seconds since the clock was started."""
        return self._clock.monotonic() - self._began

    def until(self, moment: bytes) -> float:
        """Return the real seconds until a moment, formatted as in records."""
        return (datetime.fromisoformat(moment.decode()) - self.moment).total_seconds() / self._speed
