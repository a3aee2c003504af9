"""The clock of whoever is on call: what `now` is, how moments are told, and how they may be asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.units import parse_duration, shown

#: What would be right, at the end of a message.
RIGHT = "+90s or 90 (since the recording began), -30s (before now), now, or ISO 8601 as in 2024-01-15T10:31:20Z"
_PLAIN = re.compile(r"\+?[\d.]+(h|m|s|ms|us)?", re.ASCII)


class MomentError(MeshquakeError):
    """A text that is no moment."""


def moment(text: str, start: datetime, now: datetime) -> datetime:
    """A moment that was asked for.

    Parameters
    ----------
    text
        As in `RIGHT`.
    start, now
        When the recording began, and the moment from which one looks back.

    Raises
    ------
    MomentError
        If it is none.
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
    """The moment at which somebody is to look at a recording.

    Parameters
    ----------
    text
        `+5m` or `5m` after the recording began, `alert+1m` after the first page, or ISO 8601. Since a whole set may be
        looked at so, it's the end of the recording where nobody was paged, or where that comes first.
    start, end
        Of the recording.
    paged
        When somebody was paged; None if nobody was.

    Raises
    ------
    MomentError
        If it is no moment of the recording.
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
    """A moment as records have it, without digits of its seconds that are zeros."""
    text = at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return f"{text.rstrip('0').rstrip('.')}Z"


class Clock:
    """What `now` is, as calls are made.

    Parameters
    ----------
    now
        The moment at which one begins.
    end
        The last moment.
    pace
        Simulated seconds that pass with each call; 0 if time stands still.
    """

    def __init__(self, now: datetime, end: datetime, pace: float = 0.0) -> None:
        self._now, self._end, self._pace = now, end, timedelta(seconds=pace)

    @property
    def moment(self) -> datetime:
        """What `now` is."""
        return self._now

    def pass_on(self) -> None:
        """Let the time of a call pass."""
        self._now = min(self._end, self._now + self._pace)
