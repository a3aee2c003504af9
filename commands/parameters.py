"""Types of values on the command line: times, amounts, moments, formats, headers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from meshquake.exporters.fixtures.shard import Shard
    from meshquake.exporters.formats.registry import Format


#: The name of a header (RFC 9110, section 5.6.2).
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: Headers that every request has and that determine how it is parsed.
_OURS = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "transfer-encoding"}
)


class Seconds(click.ParamType[float]):
    """A duration: in seconds, or with a unit."""

    name = "time"

    def __init__(self, least: float = 0.0, most: float = 366 * 86400.0) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from meshquake.topology.units import duration, parse_duration

        try:
            seconds = value if isinstance(value, float) else parse_duration(value, plain_seconds=True)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= seconds <= self._most:
            self.fail(f"must be from {duration(self._least)} to {duration(self._most)}, not {value}", param, ctx)
        return seconds


class Amount(click.ParamType[float]):
    """A number above 0, up to a bound, written as in files; `unit` is one of `topology.units.UNITS`."""

    def __init__(self, unit: str, high: float) -> None:
        self.name = unit
        self._high = high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from meshquake.topology.units import UNITS

        unit = UNITS[self.name]
        try:
            amount: float = value if isinstance(value, float) else unit.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0 < amount <= self._high:
            self.fail(f"must be more than 0 and at most {unit.show(self._high)}, not {value}", param, ctx)
        return amount


class Start(click.ParamType[datetime]):
    """A moment: ISO 8601 (UTC unless it says otherwise), or `now`."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)  # the only use of the real clock; the manifest records the value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"must be ISO 8601, as in 2024-01-15T10:30:00Z, or now; not {value!r}", param, ctx)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        try:
            moment = moment.astimezone(UTC)
            if not 1970 <= moment.year <= 9000:
                raise OverflowError
        except OverflowError:
            self.fail(f"must be a year from 1970 to 9000, not {value!r}", param, ctx)
        return moment


class FormatName(click.ParamType["Format"]):
    """The name of a format."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        from meshquake.exporters.formats.registry import FORMATS
        from meshquake.topology.problems import suggestion

        if value not in FORMATS:
            self.fail(f"unknown format {value!r}{suggestion(value, FORMATS)}", param, ctx)
        return FORMATS[value]


class FaultKind(click.ParamType[str]):
    """The name of a kind of fault, or `all`."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from meshquake.faults.kinds import ALL, fault_kinds
        from meshquake.topology.problems import suggestion

        known: list[str] = [*fault_kinds(), ALL]
        if value not in known:
            self.fail(f"unknown kind of fault {value!r}{suggestion(value, known)}", param, ctx)
        return str(value)


class ShardOf(click.ParamType["Shard"]):
    """One of several parts of a data set: `3/64`."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        from meshquake.exporters.fixtures.shard import Shard

        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", value)
        if found is None:
            self.fail(f"must be a shard and how many there are, as in 3/64, not {value!r}", param, ctx)
        number, of = map(int, found.groups())
        if not 1 <= number <= of:
            self.fail(f"must be from 1/{of} to {of}/{of}, not {value}" if of else f"there is none of {of}", param, ctx)
        return Shard(number, of)


class Scheduler(click.ParamType[str]):
    """The address of a Dask scheduler, validated here because Dask would try an invalid one for a minute."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if re.fullmatch(r"[a-z]+://([^/:\s]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", value) is None:
            self.fail(f"must be a scheme, a host and a port, as in tcp://head:8786, not {value!r}", param, ctx)
        if int(value.rpartition(":")[2]) > 65535:
            self.fail(f"must have a port up to 65535, not {value!r}", param, ctx)
        return str(value)


class Header(click.ParamType[tuple[str, str]]):
    """An HTTP header: its name, and its value, which no message quotes, since it may be a secret."""

    name = "name: value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, colon, text = (part.strip() for part in value.partition(":"))
        if not colon or not _HEADER_NAME.fullmatch(name):
            self.fail("must be a name and a value, as in 'X-Scope-OrgID: me'", param, ctx)
        if name.lower() in _OURS:
            self.fail(f"{name} is set by the protocol", param, ctx)
        for position, character in enumerate(text, 1):
            if not (character.isascii() and (character.isprintable() or character == "\t")):
                what = "is not ASCII" if not character.isascii() else "cannot be printed"
                self.fail(f"character {position} of the value of {name} {what}", param, ctx)
        return name, text
