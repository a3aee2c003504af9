"""A fixture from Python: its records as plain dicts, read as they are asked for, filtered, merged, or when due.

Use it like this::

    from exporters.fixture import Fixture
    fixture = Fixture("output/fixtures/incidents/cascade")
    for span in fixture.traces(service="database", start=60, end=70):  # seconds since the recording began
        ...
    for kind, record in fixture.records():                             # all four, in order of time
        ...

Reading needs nothing but Python.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack

from exporters import layout, manifest
from exporters.manifest import ManifestError
from exporters.timeline import KINDS, NEVER, Line, LineFiles, Only, stamp

Record = dict[str, Any]
#: A moment: seconds since the recording began, a time (UTC if it has no zone), or one as text in ISO 8601.
Moment = float | datetime | str


class Clock(Protocol):
    """What a replay keeps time by. The module `time` is one."""

    def monotonic(self) -> float:
        """Seconds that have passed since anything."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Filters(TypedDict, total=False):
    """Which records are wanted, all optional.

    Those from `start` on and before `end` (see `Moment`); those of one `service`; those of the trace that has a
    `trace_id`, which metrics and events never have.
    """

    start: Moment
    end: Moment
    service: str
    trace_id: str


class Fixture:
    """A fixture that was generated before.

    Attributes
    ----------
    folder
        Where it is; of a case of a data set either of its folders.
    manifest
        Its manifest, as `docs/records.md` describes it.
    start
        The wall time of the first moment of the recording, in UTC.
    length
        That of the recording in seconds. Requests under way at its end are played to their end, so a few records may
        be later.
    """

    def __init__(self, folder: str | Path, *, verify: bool = True) -> None:
        """Open a fixture.

        Parameters
        ----------
        folder
            The fixture's folder.
        verify
            Whether to read the files once to compare their SHA-256 with the manifest, which takes about a second a
            gigabyte; if not, only their sizes are compared.

        Raises
        ------
        ManifestError
            If the folder is no fixture, or its files aren't those that its manifest tells of.
        """
        self.folder = Path(folder)
        try:
            self.manifest = manifest.verified(self.folder, by_size=not verify)
            options = self.manifest["options"]
            self.scenario: str = self.manifest["scenario"]["name"]
            self.start = datetime.fromisoformat(self.manifest["start"]).astimezone(UTC)
            self.length = float(options["lead_in_s"] + options["duration_s"] + options["recovery_s"])
        except (KeyError, TypeError, ValueError):
            raise ManifestError(f"{layout.path(self.folder, manifest.NAME)}: isn't the manifest of a fixture") from None
        except OSError as error:
            raise ManifestError(f"{error.filename}: cannot be read: {error.strerror}") from None

    def __repr__(self) -> str:
        return f"Fixture({str(self.folder)!r})"

    def metrics(self, **filters: Unpack[Filters]) -> Iterator[Record]:
        """The samples, in order of time, as they are asked for."""
        return self._of("metrics", filters)

    def logs(self, **filters: Unpack[Filters]) -> Iterator[Record]:
        """The log lines, in order of time, as they are asked for."""
        return self._of("logs", filters)

    def traces(self, **filters: Unpack[Filters]) -> Iterator[Record]:
        """The spans, in order of their start, as they are asked for."""
        return self._of("traces", filters)

    def events(self, **filters: Unpack[Filters]) -> Iterator[Record]:
        """The events, in order of time, as they are asked for."""
        return self._of("events", filters)

    def records(self, **filters: Unpack[Filters]) -> Iterator[tuple[str, Record]]:
        """All records in order of time, each with the name of its kind; in the order of kinds at the same moment."""
        return ((line.kind, json.loads(line.text)) for line in self._lines(KINDS, filters))

    def replay(
        self, clock: Clock = time, speed: float = 1.0, **filters: Unpack[Filters]
    ) -> Iterator[tuple[str, Record]]:
        """All records in order of time, each when it is due.

        Time begins to pass with the first record asked for, at the moment `start` if there is such a filter. A reader
        that comes late gets what has become due meanwhile at once.

        Parameters
        ----------
        clock
            What tells the time and waits; default: the machine's. For tests, one that only says that it waited.
        speed
            How many recorded seconds pass in a second.
        filters
            See `Filters`.

        Raises
        ------
        ValueError
            If the speed isn't above 0.
        """
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        return _paced(self._lines(KINDS, filters), self.time(filters.get("start", 0.0)), clock, speed)

    def time(self, moment: Moment) -> datetime:
        """A moment as a time in UTC; ValueError if it isn't one."""
        try:
            if isinstance(moment, (int, float)):
                return self.start + timedelta(seconds=moment)
            at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except OverflowError:
            raise ValueError(f"not a moment that can be: {moment}") from None

    def _of(self, kind: str, filters: Filters) -> Iterator[Record]:
        return (json.loads(line.text) for line in self._lines((kind,), filters))

    def _lines(self, kinds: Iterable[str], filters: Filters) -> Iterator[Line]:
        if unknown := filters.keys() - Filters.__annotations__.keys():
            raise TypeError(f"unknown filter {unknown.pop()!r}")
        begin = stamp(self.time(filters["start"])) if "start" in filters else b""
        end = stamp(self.time(filters["end"])) if "end" in filters else NEVER
        return self._between(kinds, begin, end, Only(filters.get("service"), filters.get("trace_id")))

    def _between(self, kinds: Iterable[str], begin: bytes, end: bytes, wanted: Only) -> Iterator[Line]:
        with LineFiles(self.folder) as files:
            for line in files.read(kinds, files.find(begin)):
                if line.moment >= end:
                    return
                if wanted(line.text):
                    yield line


def _paced(lines: Iterator[Line], first: datetime, clock: Clock, speed: float) -> Iterator[tuple[str, Record]]:
    began = clock.monotonic()
    for line in lines:
        due = (datetime.fromisoformat(line.moment.decode()) - first).total_seconds() / speed
        while (wait := began + due - clock.monotonic()) > 0:
            clock.sleep(wait)
        yield line.kind, json.loads(line.text)
