"""Query parameters, as requests have them and as OpenAPI describes them: known ones only, once each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field, WrapValidator, model_validator
from pydantic.json_schema import SkipJsonSchema

from meshquake.exporters.fixtures.timeline import RECORD_NAMES, Only
from meshquake.exporters.server.playback import Position, Recording, SimulatedClock
from meshquake.topology.problems import suggestion

#: The most records in a page, and the default.
_MOST, _USUAL = 10_000, 1_000
#: The longest value in characters.
_LONGEST = 200
_MOMENT = "Seconds since the recording began, ISO 8601 (UTC if it has no zone; write + as %2B), or `now`."
_SIGNAL = f"({'|'.join(RECORD_NAMES)})"
#: The kinds of record of each stream.
STREAMS: dict[str, tuple[str, ...]] = {**{name: (name,) for name in RECORD_NAMES}, "all": RECORD_NAMES}


class QueryError(Exception):
    """Raised for an invalid parameter."""


async def once_each(request: Request) -> None:
    """Refuse a parameter that is given twice or is too long.

    Raises
    ------
    QueryError
        If there is such a parameter.
    """
    found = set()
    for name, value in request.query_params.multi_items():
        if name in found:
            raise QueryError(f"{name[:40]} is given twice")
        if len(value) > _LONGEST:
            raise QueryError(f"{name[:40]} is longer than {_LONGEST} characters")
        found.add(name)


def _limit(given: str | int, read: Callable[[Any], int]) -> int:
    text = str(given)  # the default is a number already, and some versions of FastAPI validate it too
    try:
        # Digits only: `1_000` or `5.0`, which would pass for numbers, are refused.
        return read(text if text.isascii() and text.isdigit() else None)
    except ValueError:
        raise QueryError(f"limit must be a whole number from 1 to {_MOST}, not {text!r}") from None


#: A parameter that may be left out, but cannot be null.
OptionalText = str | SkipJsonSchema[None]
#: The name of a stream.
StreamName = Annotated[str, Path(json_schema_extra={"enum": [*STREAMS]})]


class Parameters(BaseModel):
    """The base of all query parameters, which has none itself and refuses unknown ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, found: dict[str, Any]) -> dict[str, Any]:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in found:
            if name not in known:
                raise QueryError(f"unknown parameter {name[:40]!r}{suggestion(name, known)}")
        return found


class StreamParameters(Parameters):
    """Parameters of a stream: where it begins, and filters by service and trace."""

    from_: Annotated[
        OptionalText, Field(alias="from", description=f"Start of the period. {_MOMENT} Default: the beginning.")
    ] = None
    cursor: Annotated[
        OptionalText, Field(description="Where to resume: `next` of a page, or the id of an event. Excludes `from`.")
    ] = None
    service: Annotated[OptionalText, Field(description="Only records of this service.")] = None
    trace_id: Annotated[OptionalText, Field(description="Only spans and log lines of this trace.")] = None

    @property
    def only(self) -> Only:
        """The filter by service and trace."""
        return Only(self.service, self.trace_id)

    def position(self, recording: Recording, clock: SimulatedClock) -> Position:
        """Return where to begin: at the cursor, at the moment `from`, or at the beginning."""
        if self.cursor is not None:
            if self.from_ is not None:
                raise QueryError("cursor and from exclude each other")
            try:
                return recording.position(self.cursor)
            except ValueError as error:
                raise QueryError(f"cursor: {error}") from None
        begin = _moment("from", self.from_, recording, clock)
        return recording.beginning if begin is None else recording.find(begin)


class PageParameters(StreamParameters):
    """Parameters of a page: those of a stream, the end, the signals, and the number of records."""

    to: Annotated[OptionalText, Field(description=f"End of the period, exclusive. {_MOMENT}")] = None
    signal: Annotated[
        str,
        Field(
            description="Only records of these signals, separated by commas.",
            json_schema_extra={"pattern": f"^{_SIGNAL}(,{_SIGNAL})*$"},
        ),
    ] = ",".join(RECORD_NAMES)
    limit: Annotated[
        int,
        Field(ge=1, le=_MOST, description="Maximum number of records in a page."),
        WrapValidator(_limit),
    ] = _USUAL

    @property
    def kinds(self) -> tuple[str, ...]:
        """The requested kinds of record."""
        names = tuple(self.signal.split(","))
        for name in names:
            if name not in RECORD_NAMES:
                raise QueryError(f"unknown signal {name[:40]!r}{suggestion(name, RECORD_NAMES)}")
        return names

    def until(self, recording: Recording, clock: SimulatedClock) -> datetime | None:
        """Return the moment before which records end; None if it isn't given."""
        return _moment("to", self.to, recording, clock)


def _moment(name: str, text: str | None, recording: Recording, clock: SimulatedClock) -> datetime | None:
    """Parse a moment: seconds since the recording began, ISO 8601, or `now`; None if it isn't given."""
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
