"""The clock of the person on call: the current moment, and how moments are written and parsed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.units import parse_duration, shown

#: The accepted forms of a moment, for error messages.
RIGHT = "+90s or 90 (since the recording began), -30s (before now), now, or ISO 8601 as in 2024-01-15T10:31:20Z"
_PLAIN = re.compile(r"\+?[\d.]+(h|m|s|ms|us)?", re.ASCII)


class MomentError(MeshquakeError):
    """Raised for a text that is not a moment."""


def moment(text: str, start: datetime, now: datetime) -> datetime:
    """Parse a moment.

    Parameters
    ----------
    text
        The text, in one of the forms in `RIGHT`.
    start, now
        The start of the recording, and the current moment.

    Raises
    ------
    MomentError
        If it is not a moment.
    """
    text = text.strip()
    if text == "now":
        return now
    try:
        if text[:1] == "-":
            return now - timedelta(seconds=parse_duration(text[1:], plain_seconds=True))
        if _PLAIN.fullmatch(text):
            return start + timedelta(seconds=parse_duration(text.removeprefix("+"), plain_seconds=True))
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MomentError(f"{shown(text)} is not a moment: write {RIGHT}") from None


def stand(text: str, start: datetime, end: datetime, paged: datetime | None) -> datetime:
    """Return the moment at which an agent starts to look at a recording.

    Parameters
    ----------
    text
        `+5m` or `5m` after the start of the recording, `alert+1m` after the first page, or ISO 8601. Because one text
        may apply to a whole data set, `alert` means the end of the recording if nobody was paged, and is cut off there.
    start, end
        Start and end of the recording.
    paged
        The time of the first page; None if nobody was paged.

    Raises
    ------
    MomentError
        If it is not a moment within the recording.
    """
    if text.startswith("alert"):
        page = end if paged is None else paged
        at = min(end, page if text == "alert" else moment(text.removeprefix("alert"), page, page))
    else:
        at = moment(text, start, end)
    if start < at <= end:
        return at
    length = (end - start).total_seconds()
    raise MomentError(
        f"--now {text}: must be within the recording, which is {length:g}s long: as in +{length / 2:.0f}s"
    )


def iso(at: datetime) -> str:
    """Format a moment as in records, without trailing zeros in its seconds."""
    text = at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return f"{text.rstrip('0').rstrip('.')}Z"


class Clock:
    """The current moment, which advances with each call.

    Parameters
    ----------
    now
        The moment to start at.
    end
        The last moment, at which the clock stops.
    pace
        Simulated seconds that pass with each call; 0 if time stands still.
    """

    def __init__(self, now: datetime, end: datetime, pace: float = 0.0) -> None:
        self._now, self._end, self._pace = now, end, timedelta(seconds=pace)

    @property
    def moment(self) -> datetime:
        """The current moment, `now`."""
        return self._now

    def pass_on(self) -> None:
        """Advance by the time of one call."""
        self._now = min(self._end, self._now + self._pace)
