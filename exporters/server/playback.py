"""A recording that is played: its lines once or round after round, and the clock that says how far it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

from meshquake.exporters.fixtures.fixture import Clock, Fixture
from meshquake.exporters.fixtures.timeline import RECORD_NAMES, STAMP, Line, LineFiles, stamp

#: No round begins after it: it would end in years that have no name.
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """A place between two records: the round, and where in each file the next line begins. As text it is a cursor."""

    round: int
    offsets: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(map(str, (self.round, *self.offsets)))


_CURSOR = re.compile(rf"\d{{1,12}}(-\d{{1,15}}){{{len(RECORD_NAMES)}}}", re.ASCII)


class Recording:
    """The lines of a fixture as they are played.

    Each round of a loop is later than the one before by the length of a round, which is that of the recording, or up to
    its last record, in whole seconds. So time never goes back; ids come again.

    Attributes
    ----------
    fixture
        The fixture.
    loop
        Whether there is a round after a round.
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
        """Before the first record."""
        return Position(0, (0,) * len(RECORD_NAMES))

    @property
    def end(self) -> datetime | None:
        """When all has happened; None if that is never."""
        return None if self.loop else self.fixture.start + self._round

    def find(self, moment: datetime) -> Position:
        """Before the first record at or after a moment."""
        number = min(max(0, (moment - self.fixture.start) // self._round), self._rounds)
        return Position(number, self._files.find(stamp(moment - number * self._round)))

    def position(self, cursor: str) -> Position:
        """The place that a cursor tells of; ValueError if there is none such."""
        if _CURSOR.fullmatch(cursor):
            number, *offsets = map(int, cursor.split("-"))
            if number <= self._rounds and self._files.begin(offsets):
                return Position(number, tuple(offsets))
        raise ValueError("not a cursor of this server")

    def over(self, kinds: Iterable[str], position: Position) -> bool:
        """Whether no record of some kinds comes after a place."""
        numbers = map(RECORD_NAMES.index, kinds)
        return not self.loop and all(position.offsets[number] == self._files.sizes[number] for number in numbers)

    def blocks(self, kind: str, begin: Position, end: Position) -> Iterator[tuple[bytes, timedelta]]:
        """The lines of a kind between two places: whole moments, and by how much later than in the files they are."""
        file = RECORD_NAMES.index(kind)
        for number in range(begin.round, end.round + 1):
            first = begin.offsets[file] if number == begin.round else 0
            last = end.offsets[file] if number == end.round else self._files.sizes[file]
            for lines in self._files.blocks(kind, first, last):
                yield lines, number * self._round

    def read(self, kinds: Iterable[str], position: Position) -> Iterator[tuple[Line, Position]]:
        """The lines of some kinds from a place on, in order of time, each with the place after it."""
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
    """Time as it passes in the recording: from its start on, so many times as fast as on a clock.

    Parameters
    ----------
    clock
        What it goes by.
    start
        What it shows now.
    speed
        How many recorded seconds pass in a second.
    end
        Where it stops; None if it never does.
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
        """Real seconds since the start."""
        return self._clock.monotonic() - self._began

    def until(self, moment: bytes) -> float:
        """Real seconds until a moment, given as records have it."""
        return (datetime.fromisoformat(moment.decode()) - self.moment).total_seconds() / self._speed
