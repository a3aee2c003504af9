"""Parameters of a request: known ones, once each, and of values that can be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from starlette.requests import Request

from meshquake.exporters.fixtures.timeline import RECORD_NAMES, Only
from meshquake.exporters.server.playback import Position, Recording, SimulatedClock
from meshquake.topology.document import suggestion

#: The most records in a page, and how many if it isn't said.
MOST, USUAL = 10_000, 1_000
#: The longest value.
_LONGEST = 200


class QueryError(Exception):
    """What is asked for can't be."""


def parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The parameters of a request by name.

    Raises
    ------
    QueryError
        If one is unknown, is given twice, or is too long.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise QueryError(f"unknown parameter {name[:40]!r}{suggestion(name, known)}")
        if name in found:
            raise QueryError(f"{name} is given twice")
        if len(value) > _LONGEST:
            raise QueryError(f"{name} is longer than {_LONGEST} characters")
        found[name] = value
    return found


def only(found: dict[str, str]) -> Only:
    """Of which service and which trace records are wanted."""
    return Only(found.get("service"), found.get("trace_id"))


def kinds(found: dict[str, str]) -> tuple[str, ...]:
    """The signals that are wanted, several with commas between them; all if it isn't said."""
    names = tuple(found.get("signal", ",".join(RECORD_NAMES)).split(","))
    for name in names:
        if name not in RECORD_NAMES:
            raise QueryError(f"unknown signal {name[:40]!r}{suggestion(name, RECORD_NAMES)}")
    return names


def limit(found: dict[str, str]) -> int:
    """How many records at most."""
    text = found.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise QueryError(f"limit must be a whole number from 1 to {MOST}, not {text!r}")
    return int(text)


def moment(found: dict[str, str], name: str, recording: Recording, clock: SimulatedClock) -> datetime | None:
    """A moment: seconds since the recording began, ISO 8601, or `now`; None if it isn't said."""
    text = found.get(name)
    if text is None:
        return None
    try:
        return recording.fixture.time(clock.moment if text == "now" else _number(text))
    except ValueError:
        raise QueryError(f"{name} must be seconds, ISO 8601 (with + as %2B) or now, not {text!r}") from None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def position(found: dict[str, str], recording: Recording, clock: SimulatedClock) -> Position:
    """Where to begin: at a cursor, or at the moment `from`, or at the beginning."""
    if "cursor" in found:
        if "from" in found:
            raise QueryError("cursor and from exclude each other")
        try:
            return recording.position(found["cursor"])
        except ValueError as error:
            raise QueryError(f"cursor: {error}") from None
    begin = moment(found, "from", recording, clock)
    return recording.beginning if begin is None else recording.find(begin)
